"""Why an invoice stands where it does, and the timelines of invoices and customers."""

from typing import Any
from uuid import UUID

from customers.models import Customer
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Amount, Count, Day, Moment, Several, Text, Uid, moment_text, money_text
from dunning.api.operations import operation
from dunning.api.shapes import Shape
from dunning.api.v1.base import get
from dunning.api.v1.invoices import get_invoice
from scenarios.selectors import Timeline, customer_timeline, timeline, why, why_sentences


class ComingRow(Shape):
    """A step still to come."""

    step = Text(lines=True)
    on = Day()


class ReasonRow(Shape):
    """The reasoning about one instalment."""

    installment_id = Uid()
    plan = Text(lines=True, help_text="Empty when none applies.")
    version = Count(allow_null=True)
    reason = Text(help_text="A stable code, such as `not_yet` or `promised`.")
    next_step = Text(lines=True)
    next_on = Day(allow_null=True)
    chased = Amount(whole_digits=12, help_text="What may be asked for.")
    remedy = Text(lines=True, help_text="What would have to change; empty when time alone does it.")
    coming = ComingRow(many=True, help_text="If nothing is paid and everybody does their part.")
    sentences = Several(Text(lines=True), help_text="All of it in words, in the language of Accept-Language.")


class WhyRow(Shape):
    """Why an invoice stands where it does."""

    on = Day()
    reasons = ReasonRow(many=True, help_text="One for each instalment.")


class EntryRow(Shape):
    """One thing that was said or done."""

    on = Day()
    at = Moment(allow_null=True)
    kind = Text()
    title = Text(lines=True)
    detail = Text(lines=True)
    state = Text(help_text="The stored state behind it; may be empty.")
    channel = Text()
    evidence = Count(allow_null=True, help_text="0 planned, 1 accepted, 2 delivered, 3 an act of the customer, 4 registered delivery.")
    amount = Amount(whole_digits=12, allow_null=True)
    currency = Text()
    id = Uid(allow_null=True, help_text="Of what it is about.")
    invoice = Text(lines=True, help_text="Its number.")


class FutureRow(Shape):
    """One step still to come."""

    on = Day(allow_null=True)
    title = Text(lines=True)
    reason = Text(lines=True, help_text="Why it waits, if it does.")
    invoice = Text(lines=True, help_text="Its number.")


class TimelineRow(Shape):
    """The past, the newest first, and the future, the next first."""

    past = EntryRow(many=True)
    future = FutureRow(many=True)


class Why(Endpoint):
    resource = "invoices"

    @operation("getWhy", "Read why an invoice stands where it does", answers=WhyRow)
    def get(self, call: Call, pk: UUID) -> Answer:
        """By the very functions the daily run uses."""
        today = call.caller.today
        found = why(invoice=get_invoice(pk), organization=call.caller.organization, today=today)
        reasons = [
            {
                "installment_id": str(part.item.pk),
                "plan": part.plan,
                "version": part.version,
                "reason": part.reason.value,
                "next_step": part.next_step,
                "next_on": part.next_on.isoformat() if part.next_on is not None else None,
                "chased": money_text(part.chased),
                "remedy": part.remedy,
                "coming": [{"step": coming.step, "on": coming.on.isoformat()} for coming in part.forecast],
                "sentences": why_sentences(part),
            }
            for part in found
        ]
        return Answer({"on": today.isoformat(), "reasons": reasons})


class InvoiceTimeline(Endpoint):
    resource = "invoices"

    @operation("getInvoiceTimeline", "Read the timeline of an invoice", answers=TimelineRow)
    def get(self, call: Call, pk: UUID) -> Answer:
        """Everything that was said and done, and what comes next."""
        return _drawn(timeline(invoice=get_invoice(pk), organization=call.caller.organization, today=call.caller.today))


class CustomerTimeline(Endpoint):
    resource = "customers"

    @operation("getCustomerTimeline", "Read the timeline of a customer", answers=TimelineRow)
    def get(self, call: Call, pk: UUID) -> Answer:
        """The newest two hundred entries, and what comes next on its open invoices."""
        customer = get(Customer, pk)
        return _drawn(customer_timeline(customer=customer, organization=call.caller.organization, today=call.caller.today))


def _drawn(found: Timeline) -> Answer:
    past: list[dict[str, Any]] = [
        {
            "on": entry.on.isoformat(),
            "at": moment_text(entry.at) if entry.at is not None else None,
            "kind": entry.kind,
            "title": entry.title,
            "detail": entry.detail,
            "state": entry.code,
            "channel": entry.channel,
            "evidence": entry.evidence,
            "amount": money_text(entry.amount) if entry.amount is not None else None,
            "currency": entry.currency,
            "id": str(entry.id) if entry.id is not None else None,
            "invoice": entry.invoice,
        }
        for entry in found.past
    ]
    future = [
        {"on": step.on.isoformat() if step.on is not None else None, "title": step.title, "reason": step.reason, "invoice": step.invoice}
        for step in found.future
    ]
    return Answer({"past": past, "future": future})
