"""The local post office: everything is taken, nothing leaves the machine, and each message can be looked at."""

from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dunning.core.enums import Channel
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent
from dunning.core.tenancy import tenant
from notifications import accounts, checks, dispatcher, freezing, selectors, services
from notifications.enums import AttemptOutcome, MessageState, ProviderKind
from notifications.models import Attempt, Message, ProviderAccount, QueueTicket
from notifications.providers.base import Misconfigured
from notifications.signals import about_to_send
from tests.factories import make_customer, make_organization
from tests.notifications.mailroom import ACTOR, NOW, Gate, make_mail_room, use_smtp, write
from tests.servers import MailSink

pytestmark = pytest.mark.django_db


def test_the_post_office_takes_emails_and_texts_with_their_cost(gate: Gate) -> None:
    organization = make_mail_room(post_office=False)
    services.set_up_post_office(
        organization=organization, actor=ACTOR, now=NOW, costs={Channel.EMAIL: Decimal("0.001"), Channel.SMS: Decimal("0.0575")}
    )
    with tenant(organization):
        customer = make_customer()
        mail, text = write(customer), write(customer, channel=Channel.SMS)
    assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 2}
    with tenant(organization):
        mail.refresh_from_db()
        text.refresh_from_db()
        assert (mail.provider, mail.provider_id, mail.cost) == (ProviderKind.POST_OFFICE, str(mail.pk), Decimal("0.0010"))
        assert (text.sender, text.subject, text.body_html, text.cost) == ("Atelier", "", "", Decimal("0.0575"))
        assert [message.pk for message in selectors.post_office_messages()] == [text.pk, mail.pk]
        assert [message.pk for message in selectors.post_office_messages(channel=Channel.SMS, search=customer.number)] == [text.pk]
        assert {(a.number, a.outcome) for a in Attempt.objects.all()} == {(1, AttemptOutcome.ACCEPTED)}
        assert freezing.is_intact(mail) and freezing.is_intact(text)
        bodies = AuditEvent.objects.filter(action="message.accepted").values_list("body", flat=True)
        assert {body["sha256"] for body in bodies} == {mail.content_sha256, text.content_sha256}
    assert QueueTicket.objects.count() == 0


def test_whether_an_organization_is_on_the_post_office(gate: Gate) -> None:
    nowhere, local = make_organization(), make_mail_room()
    assert selectors.is_on_post_office(nowhere) is False
    assert selectors.is_on_post_office(local) is True
    with tenant(local):
        use_smtp(MailSink(port=2525))
    assert selectors.is_on_post_office(local) is False
    services.set_up_post_office(organization=local, actor=ACTOR, now=NOW)
    assert selectors.is_on_post_office(local) is True
    with tenant(local):
        assert ProviderAccount.objects.filter(is_active=True).count() == 4
        assert ProviderAccount.objects.filter(channel=Channel.EMAIL).count() == 3


def test_a_way_out_that_cannot_work_is_refused_and_the_old_one_stays(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        with pytest.raises(DomainError, match="needs server_token"):
            services.set_provider(channel=Channel.EMAIL, kind=ProviderKind.ANYMAIL, actor=ACTOR, now=NOW, settings={"service": "postmark"})
        with pytest.raises(DomainError, match="No mail server is set"):
            services.set_provider(channel=Channel.EMAIL, kind=ProviderKind.SMTP, actor=ACTOR, now=NOW)
        with pytest.raises(DomainError, match="does not carry this channel"):
            services.set_provider(channel=Channel.SMS, kind=ProviderKind.PRINT, actor=ACTOR, now=NOW)
        assert ProviderAccount.objects.count() == 4
    assert selectors.is_on_post_office(organization) is True


def test_secrets_are_sealed_and_survive_a_new_key(gate: Gate, settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEY = ""  # as on an installation that was not given one yet
    organization = make_mail_room()
    with tenant(organization):
        account = services.set_provider(
            channel=Channel.SMS,
            kind=ProviderKind.TWILIO,
            actor=ACTOR,
            now=NOW,
            settings={"account_sid": "AC42"},
            secrets={"auth_token": "très secret"},
        )
        assert "secret" not in account.secrets
        assert services.secrets_of(account) == {"auth_token": "très secret"}
    with tenant(organization):
        assert "très secret" not in str(list(AuditEvent.objects.values_list("body", flat=True)))
    settings.FIELD_ENCRYPTION_KEY = Fernet.generate_key().decode()
    assert services.secrets_of(account) == {"auth_token": "très secret"}
    sealed = accounts.seal({"a": "b"})
    settings.FIELD_ENCRYPTION_KEY = ""
    with pytest.raises(Misconfigured, match="enter it again"):
        accounts.unseal(sealed)


def test_one_receiver_answers_before_a_message_leaves(gate: Gate) -> None:
    def second(**_: object) -> None:
        """A second opinion."""

    assert checks.one_receiver() == []
    about_to_send.connect(second)
    (problem,) = checks.one_receiver()
    assert problem.id == "notifications.E001"
    about_to_send.receivers = []
    (problem,) = checks.one_receiver()
    assert "has 0 receivers" in problem.msg


def test_a_played_day_takes_one_statement_per_message(gate: Gate) -> None:
    """The machinery's own share: locks, claims, attempts and the trail are shared by a batch. What the plans' answer costs is theirs."""
    organization = make_mail_room()
    with tenant(organization):
        for _ in range(50):
            write()
    with CaptureQueriesContext(connection) as queries:
        assert dispatcher.deliver_due(now=NOW, organization=organization, batch=200) == {MessageState.ACCEPTED: 50}
    assert len(queries) <= 50 + 40
    assert len({id(together) for together in gate.companies}) == 1  # the plans may prepare their answers for all at once
    assert sorted(gate.companies[0].message_ids) == sorted(gate.asked)
    with tenant(organization):
        assert Message.objects.filter(state=MessageState.ACCEPTED).count() == Attempt.objects.count() == 50
