"""Create an organization ready to work: owner, texts, plans, customer groups, local post office."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.enums import Language
from dunning.core.errors import DomainError
from scenarios.services.setup import open_organization


class Command(BaseCommand):
    help = "Create an organization with its owner, the shipped plans and texts, and print how to sign in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="short name for commands, e.g. menuiserie-exemplaire")
        parser.add_argument("--name", required=True, help="name of the company, as letters print it")
        parser.add_argument("--owner", required=True, metavar="E-MAIL", help="who signs in first")
        parser.add_argument("--timezone", default="Europe/Paris", help="time zone of its day (default: Europe/Paris)")
        parser.add_argument("--country", default="FR", help="two letters: law and public holidays (default: FR)")
        parser.add_argument("--language", default="fr", choices=Language.values, help="language of a customer who has none (default: fr)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            new = open_organization(
                slug=options["slug"],
                name=options["name"],
                owner_email=options["owner"],
                timezone=options["timezone"],
                country=options["country"],
                language=options["language"],
                actor="system",
                now=clock.now(),
            )
        except DomainError as error:
            raise CommandError(error.message) from None
        slug = new.organization.slug
        password = new.password or _("the one this account already has")
        for line in (
            _("%s is ready.") % new.organization.name,
            "",
            _("  Address   %s") % f"{settings.PUBLIC_BASE_URL}/",
            _("  E-mail    %s") % new.owner.email,
            _("  Password  %s") % password,
            "",
            *([_("Note the password: it is not kept and cannot be shown again."), ""] if new.password else []),
            _("Every message stays on this machine (local post office) and waits for approval at first. Next:"),
            f"  python3 manage.py profile --organization {slug} iban=FR76… bic=… siren=… address_line1=… postal_code=… city=…",
            f"  python3 manage.py import_customers FILE --organization {slug}",
            f"  python3 manage.py import_invoices FILE --organization {slug}",
            f"  python3 manage.py import_payments FILE --organization {slug}",
            f"  python3 manage.py run_day --organization {slug}",
        ):
            self.stdout.write(line)
