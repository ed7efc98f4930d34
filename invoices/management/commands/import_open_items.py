"""Load the open items that an accounting package prints."""

from argparse import ArgumentTypeError
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from dunning.core.money import parse_decimal
from invoices.importers.open_items import Choices, OpenItemsLoader
from invoices.importers.problems import in_words
from invoices.importers.session import Loader
from invoices.management.loading import LoadCommand, a_day


class Command(LoadCommand):
    help = "Load an open-items snapshot (« échéancier clients »): debits are invoices, credits credit notes or payments on account."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--control-total", type=_amount, metavar="AMOUNT", help="balance of the customers' account: load only if it agrees"
        )
        parser.add_argument("--apply-settled", action="store_true", help="settle what is open here and no longer in the file")
        parser.add_argument("--force", action="store_true", help="settle even more than 30 %% of what is open")
        parser.add_argument("--ledger-through", type=a_day, metavar="DATE", help="receipts are complete through this day (default: today)")

    def loader(self, options: Mapping[str, Any], today: date) -> Loader:
        return OpenItemsLoader(
            Choices(
                control_total=options["control_total"],
                apply_settled=options["apply_settled"],
                force=options["force"],
                ledger_through=options["ledger_through"],
            )
        )


def _amount(text: str) -> Decimal:
    try:
        return parse_decimal(text, "." if "." in text and "," not in text else None)
    except ValueError as error:
        raise ArgumentTypeError(_("The control total cannot be read: %(why)s") % {"why": in_words(error)}) from None
