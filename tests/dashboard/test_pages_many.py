"""Many rows at once: chosen on a list, weighed with counts and amounts, changed in one act, stale ones said, taken back whole."""

import re
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer, CustomerGroup
from dunning.core.models import AuditEvent, User
from dunning.core.tenancy import tenant
from dunning.dashboard import choosing
from invoices.enums import HoldKind
from invoices.models import Hold, Installment
from invoices.services import hold_items, place_hold
from notifications.models import InboundMessage
from tests.dashboard.conftest import NOW, TODAY, House
from tests.dashboard.test_pages_inbox import answered
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK

PAUSE = {"kind": "pause", "side": "theirs", "ends_on": "2026-10-20", "reason": "Attente du nouvel entrepôt"}
ACTING: dict[str, Any] = {"actor": CLERK, "today": TODAY, "now": NOW}


def post(client: Client, name: str, **data: Any) -> Any:
    return client.post(reverse(f"dashboard:{name}"), data)


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def hidden(answer: Any) -> dict[str, str]:
    return {name: value for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.content.decode())}


def invoices(house: House, count: int = 3) -> list[Installment]:
    with tenant(house.organization):
        customer = make_customer(name="Martin & Fils")
        dates = {"issued_on": date(2026, 9, 1), "due_on": date(2026, 10, 1)}
        return [make_invoice(customer, amount="100.00", currency="USD" if number == 0 else "EUR", **dates) for number in range(count)]


def trail(house: House, action: str) -> list[dict[str, Any]]:
    with tenant(house.organization):
        return list(AuditEvent.objects.filter(action=action).order_by("sequence").values_list("body", flat=True))


def paused(house: House) -> int:
    with tenant(house.organization):
        return Hold.objects.filter(kind=HoldKind.PAUSE, released_on=None).count()


def pause_alone(house: House, item: Installment) -> None:
    with tenant(house.organization):
        place_hold(installment=item, kind="pause", ends_on=date(2026, 10, 12), reason="seul", **ACTING)


def test_the_consequence_is_told_with_counts_and_amounts_before_anything_happens(owner: Client, house: House) -> None:
    items = invoices(house)
    pause_alone(house, items[2])
    told = text(post(owner, "invoices_many", act="hold", row=[*(item.pk for item in items), house.item.pk]))
    assert "3 invoices of 2 customers, €1,300.00 + US$100.00: nothing is sent or asked about them until the day below." in told
    assert "Paused already, and stays so: One invoice, €100.00." in told
    assert paused(house) == 1 and trail(house, "holds.placed") == []


def test_many_are_paused_in_one_act_and_taken_back_as_one(owner: Client, house: House) -> None:
    items = invoices(house)
    pause_alone(house, items[2])
    shown = post(owner, "invoices_many", act="hold", row=[item.pk for item in items])
    done = post(owner, "invoices_many", **hidden(shown), **PAUSE)
    assert "2 invoices are paused." in text(done)
    assert paused(house) == 3
    (event,) = trail(house, "holds.placed")
    assert (event["count"], event["reason"], event["ends_on"]) == (2, PAUSE["reason"], "2026-10-20")
    assert post(owner, "invoices_many", **hidden(shown), **PAUSE).status_code == 302  # a reload adds nothing
    assert paused(house) == 3
    undone = owner.post(reverse("dashboard:undo_holds"), {"rows": hidden(done)["rows"]}, follow=True)
    assert "2 pauses are taken back." in text(undone)
    assert paused(house) == 1  # the one that was there before
    assert [event["count"] for event in trail(house, "holds.released")] == [2]


def test_rows_that_changed_meanwhile_stay_and_are_said(owner: Client, house: House) -> None:
    items = invoices(house)
    shown = post(owner, "invoices_many", act="hold", row=[item.pk for item in items])
    pause_alone(house, items[0])
    done = text(post(owner, "invoices_many", **hidden(shown), **PAUSE))
    assert "2 invoices are paused." in done and "One changed meanwhile and stayed as it was." in done


def test_a_refusal_is_said_on_the_form_and_nothing_is_kept(owner: Client, house: House) -> None:
    shown = post(owner, "invoices_many", act="hold", row=[item.pk for item in invoices(house)])
    refused = post(owner, "invoices_many", **hidden(shown), **{**PAUSE, "ends_on": "2027-10-20"})
    assert refused.status_code == 422 and "30 days at most" in text(refused)
    assert paused(house) == 0


def test_all_that_the_filters_find_and_no_more(owner: Client, house: House) -> None:
    invoices(house)
    shown = post(owner, "invoices_many", act="hold", all="1", query="state=disputed")
    assert hidden(shown)["rows"] == house.disputed.pk.hex
    post(owner, "invoices_many", **hidden(shown), **PAUSE)
    assert paused(house) == 1


def test_too_many_nothing_or_nonsense_changes_nothing(owner: Client, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    items = invoices(house)
    several: list[dict[str, Any]] = [{}, {"act": "hold"}, {"act": "burn", "row": [items[0].pk]}, {"act": "hold", "row": ["x"]}]
    for data in several:
        answer = owner.post(reverse("dashboard:invoices_many"), data, follow=True)
        assert "Nothing was ticked; nothing was changed." in text(answer)
    monkeypatch.setattr(choosing, "MOST", 2)
    answer = owner.post(reverse("dashboard:invoices_many"), {"act": "hold", "row": [item.pk for item in items]}, follow=True)
    assert "One act takes 2 rows at most" in text(answer)
    assert paused(house) == 0


def test_pauses_end_together(owner: Client, house: House) -> None:
    items = invoices(house)
    with tenant(house.organization):
        hold_items(installment_ids=[item.pk for item in items[:2]], kind="pause", ends_on=date(2026, 10, 12), reason="x", **ACTING)
    shown = post(owner, "invoices_many", act="resume", row=[item.pk for item in items])
    assert "One has no pause of its own that could be ended: it stays as it is." in text(shown)
    assert post(owner, "invoices_many", **hidden(shown), reason="Livré").status_code == 302
    assert paused(house) == 0
    assert [event["count"] for event in trail(house, "holds.released")] == [2]


def test_receipts_are_noted_together(owner: Client, house: House) -> None:
    ids = [item.pk for item in invoices(house)]
    shown = post(owner, "invoices_many", act="received", row=ids)
    assert "3 invoices of 1 customers, €200.00 + US$100.00: noted as received today." in text(shown)
    post(owner, "invoices_many", **hidden(shown), text="Au téléphone")
    with tenant(house.organization):
        rows = Installment.objects.filter(pk__in=ids)
        assert set(rows.values_list("invoice__received_at", flat=True)) == {NOW}
    assert "So there is nothing to do." in text(post(owner, "invoices_many", act="received", row=ids))


def test_customers_get_an_owner_and_a_group_together(owner: Client, house: House) -> None:
    claire = User.objects.get(email="claire@atelier.example")
    with tenant(house.organization):
        rows = list(Customer.objects.values_list("pk", flat=True))
        group = CustomerGroup.objects.order_by("key").first()
    assert group is not None
    shown = post(owner, "customers_many", act="assign", row=rows)
    assert "2 customers, €2,000.00: their tasks of the day" in text(shown)
    post(owner, "customers_many", **hidden(shown), owner=str(claire.pk))
    shown = post(owner, "customers_many", act="regroup", row=rows)
    post(owner, "customers_many", **hidden(shown), group=str(group.pk))
    with tenant(house.organization):
        assert set(Customer.objects.values_list("account_owner", "group")) == {(claire.pk, group.pk)}
    assert [event["count"] for event in trail(house, "customers.assigned")] == [2]


def test_replies_are_dealt_with_together(owner: Client, house: House) -> None:
    rows = [answered(house, owner, words).pk for words in ("Un", "Deux")]
    shown = post(owner, "inbox_many", act="handle", row=rows)
    assert "2 messages are dealt with." in text(shown) and "Reminders to one customer go on" in text(shown)
    assert post(owner, "inbox_many", **hidden(shown)).status_code == 302
    with tenant(house.organization):
        assert not InboundMessage.objects.filter(handled_at=None).exists()
        assert not Customer.objects.filter(reply_pending_since__isnull=False).exists()
    assert [event["count"] for event in trail(house, "replies.handled")] == [2]


def test_lists_offer_it_to_those_who_work_alone(owner: Client, viewer: Client, house: House) -> None:
    answered(house, owner)
    for name in ("invoices", "customers", "inbox"):
        assert 'form="many-form"' in owner.get(reverse(f"dashboard:{name}")).content.decode()
        assert "many-form" not in viewer.get(reverse(f"dashboard:{name}")).content.decode()


def test_nobody_reaches_another_organization_s_rows(stranger: Client, house: House) -> None:
    ids = [item.pk for item in invoices(house)]
    assert "So there is nothing to do." in text(post(stranger, "invoices_many", act="hold", row=ids))
    post(stranger, "invoices_many", act="hold", confirmed="1", row=ids, **PAUSE)
    assert paused(house) == 0
