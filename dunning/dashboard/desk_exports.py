"""Lists of the desk as files: the queue of the day, what came back, letters to post, plans, people. As `exports` writes them."""

from collections.abc import Iterator, Sequence

from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dunning.core.models import Membership
from dunning.core.spreadsheets import Cell
from dunning.dashboard.templatetags.words import message_name
from notifications.models import InboundEvent, InboundMessage, Message
from scenarios.selectors import QueueEntry
from scenarios.selectors.plans import PlanView


def queue_head() -> list[str]:
    return [
        _("Kind"), _("Task"), _("Customer"), _("Customer number"), pgettext("task", "About"), _("Due"), _("Late"), _("On whose desk"),
        _("Amount"), _("Currency"),
    ]  # fmt: skip


def queue_lines(entries: Sequence[QueueEntry]) -> Iterator[list[Cell]]:
    for entry in entries:
        customer, amount = entry.customer, entry.amount or None
        who: list[Cell] = [customer.name, customer.number] if customer is not None else ["", ""]
        desk = str(entry.task.assignee) if entry.task is not None and entry.task.assignee is not None else ""
        late = _("yes") if entry.is_late else ""
        told: list[Cell] = [entry.detail, entry.due_on, late, desk]
        yield [entry.group, entry.title, *who, *told, amount, entry.currency if amount else ""]


def reply_head() -> list[str]:
    return [
        _("Received"), _("From"), _("Address"), _("Customer"), _("Customer number"), _("Channel"), _("Subject"), _("What it says"),
        _("Kind"), _("Dealt with"),
    ]  # fmt: skip


def reply_lines(rows: Sequence[InboundMessage]) -> Iterator[list[Cell]]:
    for reply in rows:
        customer = reply.customer
        who: list[Cell] = [customer.name, customer.number] if customer is not None else ["", ""]
        said: list[Cell] = [str(reply.get_channel_display()), reply.subject, reply.said, str(reply.get_kind_display())]
        handled = localtime(reply.handled_at).date() if reply.handled_at is not None else None
        yield [localtime(reply.received_at).date(), reply.sender_name, reply.sender, *who, *said, handled]


def trouble_head() -> list[str]:
    return [_("Received"), _("Provider"), _("State"), _("What is wrong")]


def trouble_lines(rows: Sequence[InboundEvent]) -> Iterator[list[Cell]]:
    for event in rows:
        yield [localtime(event.received_at).date(), str(event.get_kind_display()), str(event.get_state_display()), event.error]


def letter_head() -> list[str]:
    return [
        _("Customer"), _("Customer number"), _("Letter"), _("Kind"), _("Addressee"), _("Written"), _("Amount"), _("Currency"),
    ]  # fmt: skip


def letter_lines(rows: Sequence[Message]) -> Iterator[list[Cell]]:
    for letter in rows:
        customer, amount = letter.customer, letter.amount or None
        who: list[Cell] = [customer.name, customer.number] if customer is not None else ["", ""]
        address = ", ".join(letter.postal_address) or letter.recipient_name
        told: list[Cell] = [message_name(letter), str(letter.get_channel_display()), address, letter.planned_on]
        yield [*who, *told, amount, letter.currency if amount else ""]


def plan_head() -> list[str]:
    return [
        _("Plan"), _("Followed by"), _("Steps"), _("Version"), _("Customers"), _("Open invoices"), _("Open amount"), _("Currency"),
    ]  # fmt: skip


def plan_lines(plans: Sequence[PlanView]) -> Iterator[list[Cell]]:
    """A line for each currency its open invoices are in; one without an amount for a plan that has none."""
    for plan in plans:
        followers = ", ".join(_("everybody else") if each.kind == "everyone" else each.name for each in plan.followers)
        told: list[Cell] = [plan.name, followers, len(plan.steps), plan.version.number, plan.following.customers, plan.following.items]
        amounts = sorted(plan.following.amounts.items())
        for currency, amount in amounts:
            yield [*told, amount, currency]
        if not amounts:
            yield [*told, None, ""]


def member_head() -> list[str]:
    return [_("Name"), _("E-mail address"), _("Role"), _("Calls a day"), _("Since"), _("Last signed in")]


def member_lines(members: Sequence[Membership]) -> Iterator[list[Cell]]:
    for row in members:
        seen = row.user.last_login
        since = localtime(row.created_at).date()
        who: list[Cell] = [row.user.name, row.user.email, str(row.get_role_display()), row.calls_per_day]
        yield [*who, since, localtime(seen).date() if seen is not None else None]
