"""Send one test through the way out of a channel, and say what became of it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.enums import Channel, Language
from dunning.core.errors import DomainError
from dunning.core.selectors import get_organization
from dunning.core.tenancy import tenant
from notifications import dispatcher
from notifications.enums import MessageState, ProviderKind
from notifications.models import Attempt, Message
from notifications.trials import send_test

ACTOR = "command:test_provider"


class Command(BaseCommand):
    help = (
        "Send one test message to yourself through the way out of a channel, exactly as a reminder would leave, for instance: "
        "test_provider --organization menuiserie --channel email --to claire@example.fr. Exits with an error when it was not accepted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--channel", required=True, choices=[Channel.EMAIL, Channel.SMS])
        parser.add_argument("--to", required=True, metavar="ADDRESS", help="an e-mail address, or a number such as +33612345678")
        parser.add_argument("--language", choices=Language.values, default=Language.FRENCH)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organization = get_organization(options["organization"])
            with tenant(organization):
                message = send_test(
                    channel=options["channel"], to=options["to"], language=options["language"], actor=ACTOR, now=clock.now()
                )
        except DomainError as error:
            raise CommandError(error.message) from None
        dispatcher.deliver_one(organization.pk, message.pk, now=clock.now())
        with tenant(organization):
            message = Message.objects.get(pk=message.pk)
            attempt = Attempt.objects.filter(message=message).order_by("-number").first()
        answer = _(attempt.response) if attempt is not None and attempt.response else ""
        if message.state not in (MessageState.ACCEPTED, MessageState.DELIVERED):
            raise CommandError(
                _("Not sent: %(state)s. %(text)s") % {"state": message.get_state_display(), "text": message.reason_text or answer}
            )
        way = ProviderKind(message.provider).label
        self.stdout.write(_("Sent through %(way)s: %(answer)s") % {"way": way, "answer": answer or message.get_state_display()})
