"""What every gunicorn of this product shares; addresses, workers and threads come from the command line."""

from django.conf import settings

worker_class = "gthread"
preload_app = True  # workers share the code in memory; nothing is connected before they part
keepalive = 20
timeout = 60
max_requests = 10_000
max_requests_jitter = 1_000
control_socket_disable = True  # it would want a home to write to
logconfig_dict = settings.LOGGING
