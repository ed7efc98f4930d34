"""The acts without which an item stands still: each is done from the page that shows the item, and a refusal changes nothing."""

from django.test import Client
from django.urls import reverse

from dunning.core.tenancy import tenant
from scenarios.outside import write
from tests.dashboard.conftest import NOW, TODAY, House
from tests.factories import make_customer


def test_a_message_that_claims_nothing_is_counted_without_an_amount(owner: Client, house: House) -> None:
    with tenant(house.organization):
        silent = make_customer("C8")
        write(
            customer=silent, kind="answer", template_key="account_statement", items=[], for_clerk=True, actor="system", today=TODAY, now=NOW
        )
    board = owner.get(reverse("dashboard:today")).content.decode()
    assert ">One message waits for your approval.</p>" in board
