"""The command that chooses how an organization sends."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dunning.core.enums import Channel
from dunning.core.models import AuditEvent
from dunning.core.tenancy import tenant
from notifications import dispatcher, selectors, services
from notifications.enums import MessageState, ProviderKind
from tests.notifications.mailroom import NOW, Gate, make_mail_room, write
from tests.servers import mail_server

pytestmark = pytest.mark.django_db


def choose(slug: str, **options: Any) -> str:
    out = StringIO()
    call_command("set_provider", organization=slug, stdout=out, **options)
    return out.getvalue()


def test_an_organization_leaves_the_post_office_for_its_own_mail_server(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    organization = make_mail_room()
    monkeypatch.setenv("SMTP_PASSWORD", "très secret")
    with mail_server(user=("relances", "très secret")) as sink:
        said = choose(
            organization.slug,
            channel="email",
            kind="smtp",
            set=[f"host={sink.host}", f"port={sink.port}", "username=relances"],
            secret=["password=SMTP_PASSWORD"],
        )
        assert "très secret" not in said
        assert selectors.is_on_post_office(organization) is False
        with tenant(organization):
            account = selectors.provider_accounts()[Channel.EMAIL]
            assert account.settings == {"host": sink.host, "port": str(sink.port), "username": "relances"}
            assert services.secrets_of(account) == {"password": "très secret"}
            assert AuditEvent.objects.filter(action="provider.set", actor="command:set_provider").count() == 1
            write()
        assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 1}
        assert len(sink.received) == 1
    choose(organization.slug, post_office=True)
    assert selectors.is_on_post_office(organization) is True


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "Give --channel and --kind, or --post-office."),
        ({"channel": "email", "kind": "smtp", "post_office": True}, "Give --channel and --kind, or --post-office."),
        ({"channel": "email", "kind": "smtp", "set": ["host"]}, "Write NAME=VALUE, not “host”."),
        ({"channel": "email", "kind": "smtp", "set": ["host=h"], "secret": ["password=NOT_THERE"]}, "NOT_THERE is empty or not set"),
        ({"channel": "sms", "kind": "twilio"}, "account SID and an auth token"),
        ({"channel": "email", "kind": "smtp", "set": ["host=h", "port=vingt-cinq"]}, "The port of a mail server is a number"),
    ],
)
def test_what_cannot_work_is_refused_and_nothing_changes(gate: Gate, options: dict[str, Any], sentence: str) -> None:
    organization = make_mail_room()
    with pytest.raises(CommandError, match=sentence):
        choose(organization.slug, **options)
    assert selectors.is_on_post_office(organization) is True
    with tenant(organization):
        assert {account.kind for account in selectors.provider_accounts().values()} == {ProviderKind.POST_OFFICE}
