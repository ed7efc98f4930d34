"""STOP by text message: whichever network passes it on, the number is written to no more."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

import pytest

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications.enums import ProviderKind, ReplyKind
from notifications.models import InboundMessage, Suppression
from notifications.selectors import is_closed
from tests.notifications.callers import call, read_what_came, twilio_call, use, use_twilio
from tests.notifications.mailroom import NOW, make_mail_room

pytestmark = pytest.mark.usefixtures("committed_database", "gate")
NUMBER = "+33612345678"


def answered_through_sinch(organization: Organization, words: str) -> None:
    settings = {"service_plan_id": "plan", "sender": "Martin"}
    account = use(organization, "sms", ProviderKind.SINCH, settings, {"api_token": "jeton", "callback_secret": "chut"})
    said = {"type": "mo_text", "id": "mo-1", "from": NUMBER[1:], "to": "33700000000", "body": words}
    body, stamp = json.dumps(said).encode(), str(int(NOW.timestamp()))
    signature = hmac.new(b"chut", body + f".n-1.{stamp}".encode(), hashlib.sha256).digest()
    headers = {"signature": base64.b64encode(signature).decode(), "signature-nonce": "n-1", "signature-timestamp": stamp}
    assert call(account, body, **{f"x-sinch-webhook-{name}": value for name, value in headers.items()}).status_code == 200


def answered_through_twilio(organization: Organization, words: str) -> None:
    form = {"MessageSid": "SM1", "SmsStatus": "received", "From": NUMBER, "To": "+33700000000", "Body": words}
    assert twilio_call(use_twilio(organization), form).status_code == 200


@pytest.mark.parametrize("answered", [answered_through_sinch, answered_through_twilio])
@pytest.mark.parametrize("words", ["STOP", " stop.\n", "Stop SMS !", "Arrêt"])
def test_stop_closes_the_number(answered: Callable[[Organization, str], None], words: str) -> None:
    organization = make_mail_room()
    answered(organization, words)
    assert read_what_came(organization) == {"applied": 1}
    with tenant(organization):
        assert InboundMessage.objects.get().kind == ReplyKind.STOP
        assert is_closed(channel="sms", address=NUMBER)
        assert Suppression.objects.get().reason == "stop"


@pytest.mark.parametrize("words", ["Stop, c'est payé depuis lundi", "Arrêtez de relancer, voir avec M. Roy", "Quit facture ?"])
def test_a_sentence_is_for_a_person_to_read(words: str) -> None:
    organization = make_mail_room()
    answered_through_sinch(organization, words)
    assert read_what_came(organization) == {"applied": 1}
    with tenant(organization):
        assert InboundMessage.objects.get().kind == ReplyKind.HUMAN
        assert not Suppression.objects.exists()
