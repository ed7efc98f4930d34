"""The web application for gunicorn or any other WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dunning.settings")
application = get_wsgi_application()

from dunning.core.checks import refuse_unsafe_role  # noqa: E402  needs the settings

refuse_unsafe_role()
