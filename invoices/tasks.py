"""The doorbell of files given on screens, and the sweep for those it did not announce."""

import logging
from typing import Any
from uuid import UUID

from celery import shared_task

from dunning.core.models import Organization
from invoices.importers import working

logger = logging.getLogger(__name__)

HARD_LIMIT = 3600  # seconds; what is killed here is begun anew, three times at most


@shared_task(name="invoices.work", ignore_result=True, time_limit=HARD_LIMIT)
def work(*, organization_id: str, file_id: str, **_: Any) -> None:
    """Check or load the file somebody asked for."""
    working.work_on(organization=Organization.objects.get(pk=UUID(organization_id)), file_id=UUID(file_id))


@shared_task(name="invoices.sweep", ignore_result=True, time_limit=HARD_LIMIT)
def sweep(**_: Any) -> int:
    """Every half minute: whatever no doorbell announced; how many files."""
    return work_forgotten()


def work_forgotten() -> int:
    """Do what waits in any organization; how many files. One that fails keeps no other waiting."""
    done = 0
    for organization in Organization.objects.filter(files_waiting_since__isnull=False).order_by("files_waiting_since", "pk"):
        try:
            done += working.work_waiting(organization=organization)
        except Exception:
            logger.exception("A file of %s could not be worked through; it is tried again.", organization.slug)
    return done
