"""Say why an invoice stands where it does."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.enums import Language
from dunning.core.errors import DomainError
from dunning.core.selectors import get_organization
from dunning.core.tenancy import tenant
from invoices.models import Invoice
from scenarios.context import local_date
from scenarios.selectors import why, why_sentences


class Command(BaseCommand):
    help = "Print the whole reasoning about one invoice: its plan, its past, today's decision, what would change it, what comes next."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("invoice", metavar="INVOICE", help="its number")
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--language", choices=Language.values, help="fr or en (default: the terminal's)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organization = get_organization(options["organization"])
        except DomainError as error:
            raise CommandError(error.message) from None
        today = local_date(organization, clock.now())
        with tenant(organization), translation.override(options["language"] or translation.get_language()):
            invoice = Invoice.objects.select_related("customer").filter(number=options["invoice"]).first()
            if invoice is None:
                values = {"number": options["invoice"], "slug": organization.slug}
                raise CommandError(_("There is no invoice %(number)s in %(slug)s: write its number as it is printed.") % values)
            found = why(invoice=invoice, organization=organization, today=today)
            for number, part in enumerate(found, start=1):
                if len(found) > 1:
                    self.stdout.write(f"{number}/{len(found)}")
                for sentence in why_sentences(part):
                    self.stdout.write(sentence)
