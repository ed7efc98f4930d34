"""The schedule's own Celery application: it rings by name and needs none of the product's code, which would double its memory."""

from celery import Celery

app = Celery("dunning", fixups=[])
app.config_from_object("dunning.settings", namespace="CELERY")
