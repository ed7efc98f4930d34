"""Many hands on one debtor's page: of contradictory answers at one moment one stands, and every other is shown it (reliability C11)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import Client

from dunning.core import clock
from dunning.core.audit import verify
from dunning.core.tenancy import tenant
from invoices.models import DebtorAct, Declaration, Dispute, Invoice
from notifications import mailbox
from notifications.dispatcher import deliver_due
from notifications.models import Message
from scenarios.services.answers import send_statement
from tests.factories import make_customer, make_invoice
from tests.portal.tools import form_of, notice
from tests.scenarios.houses import open_house

AT_ONCE = 20


def test_a_hundred_contradictory_posts_leave_one_answer(committed_database: str) -> None:
    organization = open_house(default_language="en")
    today, now = clock.today("Europe/Paris"), clock.now()
    with tenant(organization):
        customer = make_customer(language="en")
        make_invoice(customer, number="FA-1", issued_on=today - timedelta(days=51), due_on=today - timedelta(days=21))
        (message,) = send_statement(customer=customer, actor="system", today=today, now=now)
    deliver_due(now=now, organization=organization)
    with tenant(organization):
        path = mailbox.page_of(Message.objects.get(pk=message.pk))
    browser = Client(headers={"user-agent": "Mozilla/5.0"})
    browser.get(path)
    cookies = browser.cookies.output(attrs=[], header="").strip()
    forms = {act: [form_of(browser.get(f"/portal/{act}/")) for _number in range(25)] for act in ("accepted", "dispute")}
    posts = [("accepted", {**hidden, "tick": "on"}) for hidden in forms["accepted"]]
    posts += [("dispute", {**hidden, "reason": "PU_ERR"}) for hidden in forms["dispute"]]
    posts = [post for post in zip(posts[:25] * 2, posts[25:] * 2, strict=True) for post in post]  # each form twice, one against the other
    threading.Event().wait(2.1)
    slots = threading.Semaphore(AT_ONCE)

    def send(post: tuple[str, dict[str, Any]]) -> tuple[int, str]:
        with slots:
            try:
                client = Client(headers={"user-agent": "Mozilla/5.0", "cookie": cookies})
                answer = client.post(f"/portal/{post[0]}/", post[1], REMOTE_ADDR="203.0.113.5")
                return answer.status_code, answer.get("Location", "") or notice(answer)
            finally:
                connection.close()

    with ThreadPoolExecutor(max_workers=100) as pool:
        answers = list(pool.map(send, posts))
    done = {text for status, text in answers if status == 302}
    assert len(done) == 1  # the one form that acted, and its twin, are led to the same confirmation
    assert {status for status, _text in answers} <= {302, 422, 429}
    assert all("Something changed on these invoices" in text for status, text in answers if status == 422)
    with tenant(organization):
        (declaration,), (act,) = Declaration.objects.all(), DebtorAct.objects.all()
        assert act.declaration == declaration and act.kind == {"accepted": "accepted", "disputed": "disputed"}[declaration.action]
        invoice = Invoice.objects.get()
        assert (invoice.accepted_at is not None, Dispute.objects.count()) == ((True, 0) if act.kind == "accepted" else (False, 1))
        assert Message.objects.filter(template_key="portal_receipt").count() == 1
        assert list(verify()) == []
