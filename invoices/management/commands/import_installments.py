"""Load the several due dates of invoices from a file."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from invoices.importers.installments import InstallmentLoader
from invoices.importers.session import Loader
from invoices.management.loading import LoadCommand


class Command(LoadCommand):
    help = "Replace the single due date of invoices by several instalments; they must come to the invoice's amount."

    def loader(self, options: Mapping[str, Any], today: date) -> Loader:
        return InstallmentLoader()
