"""Load customers and their contacts from a file."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from invoices.importers.customers import CustomerLoader
from invoices.importers.session import Loader
from invoices.management.loading import LoadCommand


class Command(LoadCommand):
    help = "Create customers from a CSV or XLSX file, or bring them up to date; the key is the customer number."

    def loader(self, options: Mapping[str, Any], today: date) -> Loader:
        return CustomerLoader()
