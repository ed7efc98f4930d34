"""Load invoices and credit notes from a file."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from invoices.importers.invoices import InvoiceLoader
from invoices.importers.session import Loader
from invoices.management.loading import LoadCommand


class Command(LoadCommand):
    help = "Load invoices and credit notes from a CSV or XLSX file; unknown customers are created; the key is the invoice number."

    def loader(self, options: Mapping[str, Any], today: date) -> Loader:
        return InvoiceLoader()
