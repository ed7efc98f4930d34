"""The web application for gunicorn or any other WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dunning.settings")
django = get_wsgi_application()

from dunning.api.hooks import Door  # noqa: E402  needs the settings
from dunning.core.checks import refuse_unsafe_role  # noqa: E402

refuse_unsafe_role()
application = Door(django)
