"""What mail servers report of messages they could not deliver (RFC 3464), brought to the message and the address it is about."""

import pytest

from dunning.core.tenancy import tenant
from dunning.dashboard.templatetags.words import event_name
from notifications import mailbox
from notifications.enums import MessageState
from notifications.models import InboundMessage, Message, Suppression
from tests.scenarios.houses import at
from tests.scenarios.lives import Life, pass_on, use_smtp

pytestmark = pytest.mark.usefixtures("committed_database")


def test_a_report_of_a_mail_server_that_it_could_not_deliver_is_read_by_its_original_message_id() -> None:
    life = Life()
    life.second_contact()
    with tenant(life.organization):
        undeliverable = mailbox._undeliverable(life.sent, at("2026-10-02", 10)).as_bytes()
    account = use_smtp(life.organization)
    assert pass_on(life, account, undeliverable, at("2026-10-02", 10)) == {"applied": 1}
    with tenant(life.organization):
        life.sent.refresh_from_db()
        assert (life.sent.state, life.sent.reason) == (MessageState.BOUNCED, "bounced")
        assert "does not exist" in life.sent.reason_text
        assert Message.objects.get(resends=life.sent).recipient == "direction@client.example"
        assert InboundMessage.objects.count() == 0


def test_a_failure_of_another_address_it_was_passed_on_to_closes_none_of_ours() -> None:
    """The address is a list of three people, one of whom has left: his mailbox reports, naming the message it got."""
    life = Life()
    life.second_contact()
    with tenant(life.organization):
        report = mailbox._undeliverable(life.sent, at("2026-10-02", 10)).as_string()
        elsewhere = report.replace(f"Final-Recipient: rfc822; {life.sent.recipient}", "Final-Recipient: rfc822; jean.parti@client.example")
        assert elsewhere != report
    assert pass_on(life, use_smtp(life.organization), elsewhere.encode(), at("2026-10-02", 10)) == {"applied": 1}
    with tenant(life.organization):
        life.sent.refresh_from_db()
        assert life.sent.state == MessageState.ACCEPTED
        assert not Suppression.objects.exists() and not Message.objects.filter(resends=life.sent).exists()
        (event,) = life.sent.events.filter(kind="bounced_elsewhere")
        assert event.details["recipient"] == "jean.parti@client.example"
        assert event_name(event.kind) != event.kind
