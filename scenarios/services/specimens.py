"""A text as it would read on a real invoice, whatever the invoice's plan says of it: what the editor of texts shows. Writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.core.enums import PAPER_CHANNELS, Channel, Phase
from dunning.core.models import Organization
from invoices.models import Installment, Invoice
from notifications.composing import Obstructed, Workbench, compose
from notifications.models import Message, MessageTemplate
from notifications.palette import PALETTE, Kind
from notifications.placeholders import MissingValue, TemplateError, Value
from notifications.rehearsal import SmsMeasure, example, measure_sms, needed
from notifications.rendering import Rendered, render, render_email, render_letter_text
from notifications.signals import Go
from scenarios import answers_wording, formal_notice, wording
from scenarios.context import Case, Frame, load_case, load_frame
from scenarios.eligibility import chased_cents
from scenarios.enums import Anchor, DecisionKind, Reason, Variant
from scenarios.facts import Decision, Step
from scenarios.models import PlanStep, Schedule
from scenarios.past import earlier_reminders
from scenarios.plan_files import TextContent
from scenarios.plans import as_step
from scenarios.recipients import Directory, Recipient
from scenarios.scheduler import decide_all
from scenarios.statement import account_lines
from scenarios.timing import printed_deadline

SAMPLE_ADDRESS: Final = ("Ateliers Dupré", "12 avenue des Essais", "75001 Paris")


@dataclass(frozen=True)
class Specimen:
    """The values of one invoice for one text. `borrowed` are keys that show the palette's example, for the invoice has none of its own."""

    context: Mapping[str, Value]
    borrowed: frozenset[str] = frozenset()
    recipient: Recipient | None = None
    letter: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """A text set with a specimen's values; `problem` is a sentence that says why it could not be."""

    said: Rendered | None = None
    sms: SmsMeasure | None = None
    problem: str = ""


def find_invoice(*, key: str, today: date) -> Invoice | None:
    """An invoice to show a text on: one whose next step uses it, else the open one that is latest; None without any."""
    steps = PlanStep.objects.filter(template_key=key).values_list("version_id", "key").distinct()
    for version_id, step_key in steps:
        waiting = Schedule.objects.filter(version=version_id, next_step_key=step_key, installment__outstanding__gt=0)
        found = waiting.order_by("next_on", "pk").values_list("installment__invoice_id", flat=True).first()
        if found is not None:
            return Invoice.objects.select_related("customer").get(pk=found)
    late = Installment.objects.filter(outstanding__gt=0).order_by("due_on", "pk").select_related("invoice__customer").first()
    return late.invoice if late is not None else None


def make_specimen(*, text: TextContent, invoice: Invoice | None, organization: Organization, today: date) -> Specimen:
    """The palette filled with the invoice's account as it stands, in the text's language; with examples alone without an open invoice.

    What the text prints and the invoice has not - a dispute, a promise - is borrowed from the examples.
    """
    item = None if invoice is None else Installment.objects.filter(invoice=invoice, outstanding__gt=0).order_by("due_on").first()
    if item is None or invoice is None:
        return Specimen(example(text.language), frozenset(key for key, entry in PALETTE.items() if entry.kind is Kind.TEXT))
    frame = load_frame(organization, today)
    batch, case = load_case(frame, str(item.customer_id), str(item.pk))
    if case is None:
        return Specimen(example(text.language), frozenset(PALETTE))
    decisions = [decision for decision in decide_all(frame, batch) if decision is not None]
    return _with_gaps_filled(text, _of_account(text, frame, case, decisions))


def _of_account(text: TextContent, frame: Frame, case: Case, decisions: Sequence[Decision]) -> Specimen:
    item, today = case.item, frame.today.toordinal()
    step = _step_for(text, frame, case)
    recipient_id = item.customer.id if text.phase == Phase.LEGAL else item.customer.payer_id or item.customer.id
    asked = chased_cents(item, frame.calendar, frame.policy, today) or item.outstanding_cents
    lead = Decision(DecisionKind.TAKE, item, step, today, Reason.DUE_NOW, case.steps, chased_cents=asked)
    members = [
        decision
        for decision in decisions
        if decision.item.currency == item.currency and recipient_id in (decision.item.customer.id, decision.item.customer.payer_id)
    ]
    amounts = {decision.item.id: chased_cents(decision.item, frame.calendar, frame.policy, today) for decision in members} | {
        item.id: asked
    }
    lines = account_lines(members, {item.id: lead}, set(amounts), amounts, today, legal=text.phase == Phase.LEGAL, with_credits=True)
    directory = Directory([recipient_id])
    channel = text.channel
    recipient = directory.find(recipient_id, channel, text.phase, today=frame.today)
    account = wording.Account(
        profile=frame.profile,
        customer=directory.customer(recipient_id),
        contact=directory.contact(recipient_id, recipient.contact_id) if recipient is not None else None,
        invoices={str(row.pk): row for row in Invoice.objects.filter(pk__in={line.invoice_id for line in lines if line.invoice_id})},
        reminders=earlier_reminders([UUID(item.id)]),
        today=frame.today,
        language=text.language,
        currency=item.currency,
        bank_changed_on=frame.bank_changed_on,
    )
    terms = wording.Terms(phase=text.phase, term_days=step.term_days, deadline=_deadline(step, frame), announces=step.announces)
    late = any(decision.item.due_on < today for decision in members)
    context = wording.say(account=account, lines=lines, terms=terms, channel=channel, up_to_date=not late)
    context.update(answers_wording.flags(account=account, lines=lines, variant=_variant(text.variant)))
    letter: dict[str, Any] = {}
    if channel in PAPER_CHANNELS:
        try:
            printed = formal_notice.complete(context, account=account, lines=lines, legal=text.phase == Phase.LEGAL)
        except formal_notice.RateUnknown:  # the letter itself waits for the rate; its words are shown with sums of the examples
            printed = formal_notice.complete(context, account=account, lines=lines, legal=False)
        context, letter = printed.words, printed.page
    return Specimen({**context, "attached": False}, frozenset(), recipient, letter)


def _step_for(text: TextContent, frame: Frame, case: Case) -> Step:
    """The step the text is shown as: the plan's own that uses it, any plan's, else one that only says how hard the text presses."""
    own = next((step for step in case.steps.steps if step.template == text.key), None) if case.steps is not None else None
    if own is not None:
        return replace(own, phase=text.phase)
    row = PlanStep.objects.filter(template_key=text.key, channel=text.channel).order_by("-version__number").first()
    if row is not None:
        return replace(as_step(row), phase=text.phase)
    return Step(text.key, 1, text.phase, text.channel, Anchor.DUE, 1, template=text.key)


def _deadline(step: Step, frame: Frame) -> date | None:
    if step.term_days is None:
        return None
    by_post = step.channel in PAPER_CHANNELS
    return date.fromordinal(printed_deadline(frame.today.toordinal(), step.term_days, frame.calendar, by_post=by_post))


def _variant(variant: str) -> Variant:
    return Variant(variant) if variant in Variant.values else Variant.NONE


def _with_gaps_filled(text: TextContent, found: Specimen) -> Specimen:
    """What the text prints and the invoice has not comes from the examples, so that the text can be read whole."""
    try:
        printed = needed(text.subject, text.body)
    except TemplateError:
        return found
    examples = {**example(text.language), **_examples(text.language)}
    gaps = {key for key in printed if not _is_filled(found.context.get(key)) and key in examples}
    return replace(found, context={**found.context, **{key: examples[key] for key in gaps}}, borrowed=frozenset(gaps))


def _examples(language: str) -> dict[str, Value]:
    """The palette's examples, those that most messages have not included."""
    kinds = (entry for entry in PALETTE.values() if entry.kind is Kind.TEXT)
    return {entry.key: entry.example_fr if language == "fr" else entry.example_en for entry in kinds}


def _is_filled(value: Value | None) -> bool:
    return bool(value) and (isinstance(value, str | bool) or bool(value.html if value is not None else ""))


# --- looking -----------------------------------------------------------------------------------------------------------------------------


def look_at(text: TextContent, specimen: Specimen) -> Look:
    """The text set with the specimen's values: an e-mail's twins, a text message with its parts, the words of a letter."""
    try:
        if text.channel == Channel.EMAIL:
            return Look(render_email(text.subject, text.body, specimen.context, language=text.language))
        if text.channel == Channel.SMS:
            measure = measure_sms(render(text.body, specimen.context))
            return Look(Rendered("", measure.text, ""), measure)
        return Look(render_letter_text(text.subject, text.body, specimen.context))
    except MissingValue as missing:
        return Look(problem=_("“{{%s}}” has no value here: the message would wait.") % missing.key)
    except TemplateError as error:
        return Look(problem=_("The text cannot be set yet: %s") % (error.key or error.code))


def set_letter(text: TextContent, specimen: Specimen, *, now: datetime) -> bytes:
    """The letter as a PDF, on the organization's paper. Raises Obstructed with what keeps it from being set."""
    message = Message(channel=text.channel, language=text.language, template_key=text.key, phase=text.phase)
    template = MessageTemplate(key=text.key, channel=text.channel, language=text.language, subject=text.subject, body=text.body)
    recipient = specimen.recipient
    go = Go(
        context=specimen.context,
        recipient_name=recipient.name if recipient is not None else SAMPLE_ADDRESS[0],
        postal_address=recipient.postal if recipient is not None and recipient.postal else SAMPLE_ADDRESS,
        letter=specimen.letter,
    )
    return compose(message, go, Workbench(), now=now, template=template).letter


__all__ = ["Look", "Obstructed", "Specimen", "find_invoice", "look_at", "make_specimen", "set_letter"]
