"""gunicorn for `manage.py up`: one worker, so what containers share before they part would only be held twice."""

from dunning.gunicorn import *  # noqa: F403 - a configuration is its names

preload_app = False
