"""Setting up a way of sending, and trying it: what a person is asked, what stays secret, what a test is."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from dunning.core.enums import Channel
from dunning.core.errors import DomainError
from dunning.core.tenancy import tenant
from notifications import accounts, dispatcher, selectors, services, trials, ways
from notifications.enums import MessageKind, MessageState, Obstacle, ProviderKind
from notifications.models import Attempt, Message, ProviderAccount, QueueTicket
from notifications.providers.base import Capability
from tests.notifications.mailroom import ACTOR, NOW, Gate, make_mail_room, use_smtp
from tests.notifications.test_reconciler import sending_through
from tests.servers import MailSink, free_port, mail_server

pytestmark = pytest.mark.django_db


def test_a_test_goes_through_the_real_way_and_is_about_nobody(gate: Gate) -> None:
    with mail_server() as sink:
        organization = make_mail_room()
        with tenant(organization):
            use_smtp(sink)
            message = trials.send_test(channel="email", to="claire@atelier.example", language="en", actor=ACTOR, now=NOW)
        assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 1}
        with tenant(organization):
            message.refresh_from_db()
            assert (message.state, message.kind, message.customer_id, message.template_id) == ("accepted", "test", None, None)
            assert Attempt.objects.get().outcome == "accepted"
            assert gate.asked == []  # it is about nothing that could have changed
            assert selectors.list_messages().count() == 0  # customers' messages alone
            detail = selectors.message_detail(message.pk)
            assert (detail.customer, len(detail.attempts)) == (None, 1)
    (mail,) = sink.received
    assert str(mail["Subject"]) == "Test of Claire Martin" and mail["To"] == "claire@atelier.example"


def test_a_test_that_fails_says_why(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        use_smtp(MailSink(), port=free_port())
        message = trials.send_test(channel="email", to="claire@atelier.example", language="en", actor=ACTOR, now=NOW)
    dispatcher.deliver_due(now=NOW)
    with tenant(organization):
        message.refresh_from_db()
        assert (message.state, message.reason) == (MessageState.RETRY, Obstacle.NOT_ACCEPTED)
        email = next(standing for standing in ways.standings() if standing.channel == Channel.EMAIL)
        assert "cannot be reached" in email.last_error and email.last_test == message


@pytest.mark.parametrize(
    ("channel", "to", "sentence"),
    [("email", "nobody", "is not an e-mail address"), ("sms", "0612345678", "is written"), ("letter", "", "not sent as a test")],
)
def test_a_test_that_cannot_be_written_is_refused(channel: str, to: str, sentence: str) -> None:
    with tenant(make_mail_room()):
        with pytest.raises(DomainError, match=sentence):
            trials.send_test(channel=channel, to=to, language="fr", actor=ACTOR, now=NOW)
        assert (Message.objects.count(), QueueTicket.objects.count()) == (0, 0)


def test_every_way_asks_for_what_its_provider_needs() -> None:
    example = {"port": "587", "security": "starttls", "color": "bw", "rate_per_minute": "60", "unit_cost": "0,05".replace(",", ".")}
    with tenant(make_mail_room()):
        for way in ways.WAYS:
            for channel in sorted(way.channels):
                values = {field.name: example.get(field.name, "x") for field in way.fields}
                account = ways.set_way(channel=channel, key=way.key, values=values, actor=ACTOR, now=NOW)
                assert ways.way_of(account) == way
                for field in way.fields:
                    where = accounts.unseal(account.secrets) if field.is_secret else account.settings
                    assert where[field.name] == (field.fixed or values[field.name])
            needed = [field for field in way.fields if field.is_required and not field.fixed and not field.choices and field.name != "port"]
            for missing in needed:
                values = {field.name: example.get(field.name, "x") for field in way.fields if field != missing}
                if way.key == "smtp":
                    continue  # without a host it is the installation's own server
                channel = sorted(way.channels)[0]
                ways.set_way(channel=channel, key="post_office", values={}, actor=ACTOR, now=NOW)  # nothing to keep a secret of
                with pytest.raises(DomainError):
                    ways.set_way(channel=channel, key=way.key, values=values, actor=ACTOR, now=NOW)


def test_a_secret_left_blank_stays_and_one_of_another_way_does_not() -> None:
    with tenant(make_mail_room()):
        ways.set_way(channel="email", key="brevo", values={"api_key": "premier"}, actor=ACTOR, now=NOW)
        account = ways.set_way(channel="email", key="brevo", values={"api_key": "", "unit_cost": "0.01"}, actor=ACTOR, now=NOW)
        assert services.secrets_of(account) == {"api_key": "premier"}
        assert "premier" not in account.secrets and "premier" not in str(account.settings)
        with pytest.raises(DomainError, match="needs api_key and secret_key"):
            ways.set_way(channel="email", key="mailjet", values={}, actor=ACTOR, now=NOW)
        assert ProviderAccount.objects.get(channel="email", is_active=True) == account


def test_what_the_form_does_not_show_stays_when_the_way_stays(gate: Gate) -> None:
    with sending_through("brevo") as (organization, fake), tenant(organization):
        ways.set_way(channel="email", key="brevo", values={"unit_cost": "0.02"}, actor=ACTOR, now=NOW)
        account = ProviderAccount.objects.get(channel="email", is_active=True)
        assert account.settings == {"service": "brevo", "api_url": fake.url, "unit_cost": "0.02"}
        assert Message.objects.filter(kind=MessageKind.TEST).count() == 0


@pytest.mark.parametrize("service", ["amazon_ses", "scaleway"])
def test_a_service_whose_reports_nobody_reads_promises_none_and_is_given_no_address(service: str) -> None:
    secrets = {"access_key_id": "AKIA", "secret_access_key": "s", "secret_key": "s"}
    settings = {"service": service, "region": "eu-west-3", "project_id": "p"}
    with tenant(make_mail_room()):
        account = services.set_provider(
            channel="email", kind=ProviderKind.ANYMAIL, actor=ACTOR, now=NOW, settings=settings, secrets=secrets
        )
        assert accounts.provider_of(account).capabilities == Capability.NONE
        with pytest.raises(DomainError, match="never calls"):
            services.hook_address(channel="email", actor=ACTOR, now=NOW)
    note = next(way for way in ways.WAYS if way.key == "amazon_ses").note
    assert "do not come back" in str(note)


def test_the_command_says_what_became_of_the_test(gate: Gate) -> None:
    with mail_server() as sink:
        organization = make_mail_room()
        with tenant(organization):
            use_smtp(sink)
        arguments = {"organization": organization.slug, "channel": "email", "to": "claire@atelier.example"}
        said = StringIO()
        call_command("test_provider", **arguments, stdout=said)
        assert said.getvalue() == "Sent through SMTP server: 250 2.0.0 queued\n"
        assert sink.recipients == ["claire@atelier.example"]
        sink.on_rcpt["*"] = "550 5.1.1 no such user"
        with pytest.raises(CommandError, match=r"Not sent: Failed\. The mail server refused claire@atelier\.example: 550"):
            call_command("test_provider", **arguments)
        with pytest.raises(CommandError, match="is not an e-mail address"):
            call_command("test_provider", **{**arguments, "to": "claire"})
