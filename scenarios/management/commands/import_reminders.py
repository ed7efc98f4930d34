"""Load reminders that were sent before this system."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from invoices.importers.session import Loader
from invoices.management.loading import LoadCommand
from scenarios.services.imported import ReminderLoader


class Command(LoadCommand):
    help = "Load earlier reminders (invoice, date, channel, recipient, text): they count as history, and plans go on from them."

    def loader(self, options: Mapping[str, Any], today: date) -> Loader:
        return ReminderLoader()
