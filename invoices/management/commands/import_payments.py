"""Load receipts from a file, and say how far the ledger is complete."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.management.base import CommandParser

from invoices.importers.payments import PaymentLoader
from invoices.importers.session import Loader
from invoices.management.loading import LoadCommand, a_day


class Command(LoadCommand):
    help = "Load receipts from a CSV or XLSX file and set them against the invoices they name; the key is the receipt's own reference."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--ledger-through",
            type=a_day,
            metavar="DATE",
            help="receipts are complete through this day (default: today, if no row is refused)",
        )

    def loader(self, options: Mapping[str, Any], today: date) -> Loader:
        return PaymentLoader(options["ledger_through"])
