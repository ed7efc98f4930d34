"""The values a message prints: from facts and rows to the flat, formatted palette of `notifications.palette`.

Nothing here decides: the lines say what is claimed, the wording says it in the customer's language.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.models import Contact, Customer
from dunning.core import bank
from dunning.core.enums import Channel
from dunning.core.models import OrganizationProfile
from dunning.core.money import format_date, format_money
from invoices.models import Invoice
from invoices.references import printed_reference, reference_for
from invoices.services import factor_of, holder_of
from notifications.blocks import (
    WORDS,
    BankDetails,
    InvoiceTable,
    SectionKind,
    TableRow,
    TableSection,
    email_bank,
    email_chronology,
    email_table,
)
from notifications.legal_sentences import legal_sentences
from notifications.models import Message
from notifications.palette import empty_context
from notifications.placeholders import Value
from scenarios.claims import OPEN, claimed_cents, claimed_lines, is_service, net_of_credits, others_of
from scenarios.context import open_organization
from scenarios.enums import Consequence, Phase, Section
from scenarios.past import EarlierReminder, Past, chronology_rows, earlier_reminders
from scenarios.recipients import Entry
from scenarios.statement import Line

CENT: Final = Decimal("0.01")

_SECTIONS: Final = {
    Section.OVERDUE: SectionKind.OVERDUE,
    Section.COMING_DUE: SectionKind.COMING_DUE,
    Section.TO_CONFIRM: SectionKind.TO_CONFIRM,
    Section.INFORMATION: SectionKind.INFORMATION,
    Section.CREDIT: SectionKind.CREDITS,
}
_PARTS: Final[tuple[tuple[Section, bool | None], ...]] = tuple((section, None) for section in (*OPEN, Section.INFORMATION, Section.CREDIT))
_SERVICE_PARTS: Final[tuple[tuple[Section, bool | None], ...]] = (
    (Section.COMING_DUE, True),
    (Section.TO_CONFIRM, None),
    (Section.OVERDUE, None),
    (Section.COMING_DUE, False),
    (Section.INFORMATION, None),
    (Section.CREDIT, None),
)
"""The parts of a table in their order: a section, and whether its lines are the message's own steps (None: either). What a SERVICE message
is about stands first, apart from what else is open."""
_ELSEWHERE: Final = {"fr": "Autres factures du compte", "en": "Other invoices of the account"}
_OTHER_DUE_DATES: Final = {"fr": "Autres échéances", "en": "Other due dates"}
_RECEIPT: Final = {"fr": "Règlement du {}", "en": "Payment of {}"}
_DAYS_LATE: Final = {"fr": "{} j", "en": "{} d"}
_CONSEQUENCES: Final = {
    Consequence.PENALTIES: {
        "fr": "nous vous facturerons les pénalités de retard et l’indemnité forfaitaire",
        "en": "we will invoice the late-payment penalties and the fixed compensation",
    },
    Consequence.FORMAL_NOTICE: {
        "fr": "nous vous adresserons une mise en demeure par lettre recommandée",
        "en": "we will send you a formal notice by registered letter",
    },
    Consequence.HAND_OVER: {
        "fr": "nous confierons le recouvrement de cette créance à un tiers habilité",
        "en": "we will hand this claim over for recovery",
    },
}
_NOTHING_ANNOUNCED: Final = {
    "fr": "nous reprendrons contact avec vous pour convenir de la suite",
    "en": "we will contact you again to agree on what comes next",
}


@dataclass(frozen=True)
class Terms:
    """What the step says beside the text: the term it gives, its deadline, what it announces, and the part of it that is law.

    `unannounced`: the step announces something that may not be announced to this customer, or was already.
    """

    phase: Phase
    term_days: int | None = None
    deadline: date | None = None
    announces: Consequence | None = None
    unannounced: bool = False


@dataclass(frozen=True)
class Account:
    """The rows behind the lines of one message."""

    profile: OrganizationProfile
    customer: Customer
    contact: Entry | Contact | None
    invoices: Mapping[str, Invoice]
    reminders: Sequence[EarlierReminder]
    today: date
    language: str
    currency: str
    bank_changed_on: date | None = None  # within the last thirty days

    def money(self, amount: Decimal | int) -> str:
        """Decimal, or whole cents."""
        value = Decimal(amount) / 100 if isinstance(amount, int) else amount
        return format_money(value.quantize(CENT), self.currency, self.language)

    def day(self, day: date) -> str:
        return format_date(day, self.language, "long")

    def short_day(self, day: date) -> str:
        return format_date(day, self.language, "short")


def load_account(*, profile: OrganizationProfile, message: Message, lines: Sequence[Line], today: date) -> Account:
    """Read, in a handful of queries, every row a message about these lines may print."""
    invoice_ids = {line.invoice_id for line in lines if line.invoice_id}
    invoices = {str(invoice.pk): invoice for invoice in Invoice.objects.filter(pk__in=invoice_ids)} if invoice_ids else {}
    items = [UUID(line.item_id) for line in lines if line.own_step]
    contact = Contact.objects.filter(pk=message.contact_id).first() if message.contact_id else None
    return Account(
        profile=profile,
        customer=Customer.objects.select_related("account_owner").get(pk=message.customer_key),
        contact=contact,
        invoices=invoices,
        reminders=earlier_reminders(items),
        today=today,
        language=message.language,
        currency=message.currency or next((invoice.currency for invoice in invoices.values()), profile.default_currency),
        bank_changed_on=bank.changed_on(today=today, zone=ZoneInfo(open_organization().timezone)),
    )


def say(*, account: Account, lines: Sequence[Line], terms: Terms, channel: str, up_to_date: bool) -> dict[str, Value]:
    """The whole palette for one reminder. Blank means "does not apply"; a template that prints a blank value is held.

    `up_to_date`: nothing at all is overdue on the customer's account, whatever the message shows of it.
    """
    context: dict[str, Value] = dict(empty_context())
    context.update(_parties(account))
    context.update(_amounts(account, lines))
    context["account.up_to_date"] = up_to_date
    context.update(_single(account, lines))
    context.update(_terms(account, terms))
    context.update(legal_sentences(kind=_kind(account.customer), country=account.profile.country, language=account.language))
    context.update(payment_details(account, claimed_lines(lines)))
    if channel == Channel.EMAIL:
        context["table"] = email_table(invoice_table(account, lines))
        context["bank"] = email_bank(bank_details(account, claimed_lines(lines)))
        rows = chronology_rows(account.reminders, account.language)
        if rows:
            context["chronology"] = email_chronology(rows)
    return context


def _kind(customer: Customer) -> str:
    """The kind the law may rely on (rule 11): unconfirmed, it is UNKNOWN."""
    known = customer.siren or customer.vat_number or customer.kind_confirmed_at
    return customer.kind if known else "unknown"


def _parties(account: Account) -> dict[str, Value]:
    profile, customer, contact = account.profile, account.customer, account.contact
    return {
        "creditor.name": profile.legal_name,
        "creditor.short_name": profile.legal_name.split(" (")[0][:30],
        "creditor.phone": profile.phone or profile.signatory_phone,
        "creditor.email": profile.reply_to or profile.sender_email,
        "creditor.legal": legal_mention(profile, account.language),
        "customer.name": customer.name,
        "customer.number": customer.number,
        "contact.name": contact.name if contact else "",
        "contact.greeting": greeting(contact, account.language),
        "signatory.name": profile.signatory_name or profile.sender_name or profile.legal_name,
        "signatory.title": profile.signatory_title,
        "signatory.phone": profile.signatory_phone or profile.phone,
        "signatory.email": profile.reply_to or profile.sender_email,
        "today": account.day(account.today),
    }


def greeting(contact: Entry | Contact | None, language: str) -> str:
    """ "Bonjour Madame Durand" when a person is known, else "Bonjour"; a department is not greeted by name."""
    hello = "Bonjour" if language == "fr" else "Dear"
    name = contact.name.strip() if contact else ""
    titles = {"Mme": "Madame", "M.": "Monsieur", "Ms": "Ms", "Mr": "Mr", "Mrs": "Mrs", "Madame": "Madame", "Monsieur": "Monsieur"}
    first, _, rest = name.partition(" ")
    if rest and first in titles:
        return f"{hello} {titles[first] if language == 'fr' else first} {rest}"
    if language == "fr":
        return "Bonjour"
    return "Hello"


def legal_mention(profile: OrganizationProfile, language: str) -> str:
    """The mentions a company's letters carry (R123-237 du code de commerce), as one line."""
    siren = profile.siren
    number = f"{siren[:3]} {siren[3:6]} {siren[6:]}" if len(siren) == 9 else siren
    form = profile.legal_form
    if form and profile.share_capital:
        form = f"{form} au capital de {profile.share_capital}" if language == "fr" else f"{form}, share capital {profile.share_capital}"
    register = f"{number} RCS {profile.rcs_city}" if profile.rcs_city and number else (f"SIREN {number}" if number else "")
    office = " ".join(part for part in (profile.address_line1, profile.postal_code, profile.city) if part)
    return ", ".join(part for part in (form, register, office) if part)


def _amounts(account: Account, lines: Sequence[Line]) -> dict[str, Value]:
    claimed = claimed_lines(lines)
    by_section = {section: [line for line in lines if line.section == section] for section in Section}
    claimed_sections = {line.section for line in claimed}
    credits = -sum(line.cents for line in by_section[Section.CREDIT])
    values: dict[str, Value] = {
        "invoices.one": len({line.invoice_id for line in claimed}) == 1,
        "invoices.several": len({line.invoice_id for line in claimed}) != 1,
        "invoices.count": str(len({line.invoice_id for line in claimed})),
        "invoices.oldest_due_date": account.day(_oldest(claimed)) if claimed else "",
        "amounts.total": account.money(claimed_cents(lines)),
        "amounts.principal": account.money(claimed_cents(lines)),
        "amounts.credits": account.money(credits) if credits else "",
        "amounts.statement": account.money(sum(line.cents for line in lines)),
    }
    for key, section in (("coming_due", Section.COMING_DUE), ("information", Section.INFORMATION)):
        rows = by_section[section]
        if rows and section not in claimed_sections:
            values[f"{key}.count"] = str(len(rows))
            values[f"{key}.total"] = account.money(sum(line.cents for line in rows))
    if by_section[Section.TO_CONFIRM] and Section.TO_CONFIRM not in claimed_sections:
        values["to_confirm.count"] = str(len(by_section[Section.TO_CONFIRM]))
    others = others_of(lines, claimed)
    if others:
        values["others.total"] = account.money(sum(line.cents for line in others))
    return values


def _oldest(lines: Sequence[Line]) -> date:
    return date.fromordinal(min(line.due_on for line in lines if line.due_on is not None))


def _single(account: Account, lines: Sequence[Line]) -> dict[str, Value]:
    claimed = claimed_lines(lines)
    if len({line.invoice_id for line in claimed}) != 1:
        return {}
    line = claimed[0]
    invoice = account.invoices[line.invoice_id]
    due_on = _oldest(claimed)
    late = (account.today - due_on).days
    return {
        "invoice.number": invoice.number,
        "invoice.date": account.day(invoice.issued_on),
        "invoice.due_date": account.day(due_on),
        "invoice.amount": account.money(invoice.gross),
        "invoice.outstanding": account.money(claimed_cents(lines)),
        "invoice.days_late": str(late) if late > 0 else "",
        "invoice.po": invoice.purchase_order,
        "invoice.chorus_date": account.day(invoice.deposited_on) if invoice.deposited_on else "",
        "invoice.commitment": invoice.purchase_order,
        "invoice.service_code": account.customer.service_code,
    }


def _terms(account: Account, terms: Terms) -> dict[str, Value]:
    values: dict[str, Value] = {}
    if terms.term_days is not None:
        values["term.days"] = str(terms.term_days)
        values["deadline"] = account.day(terms.deadline or account.today + timedelta(days=terms.term_days))
    if terms.announces is not None:
        values["consequence"] = _CONSEQUENCES[terms.announces][account.language]
    elif terms.unannounced:
        values["consequence"] = _NOTHING_ANNOUNCED[account.language]
    written = [reminder for reminder in account.reminders if reminder.written and reminder.phase > Phase.SERVICE]
    if written:
        values["previous.date"] = account.day(written[-1].on)
        values["previous.subject"] = written[-1].subject
    calls = [reminder for reminder in account.reminders if reminder.channel == Channel.CALL]
    if calls:
        values["call.date"] = account.day(calls[-1].on)
        values["call.person"] = calls[-1].recipient
    return values


def payment_details(account: Account, lines: Sequence[Line]) -> dict[str, Value]:
    """IBAN, BIC and the reference to quote: the invoice's own when it is alone, one for the account otherwise; the bare number where it
    cannot become a reference.

    With them, whether it may be said that they did not change: not within thirty days of a change, nor that an account changed when the
    invoices name another one than that in force.
    """
    iban = account_iban(account, lines)
    quoted = number = ""
    invoice_ids = {line.invoice_id for line in lines if line.invoice_id}
    if len(invoice_ids) == 1:
        invoice = account.invoices[next(iter(invoice_ids))]
        quoted, number = invoice.payment_reference or reference_for(invoice.number), invoice.number
    elif invoice_ids:
        quoted, number = reference_for(account.customer.number), account.customer.number
    return {
        "iban": grouped_iban(iban),
        "iban_last4": iban[-4:],
        "bic": account.profile.bic if iban == account.profile.iban else "",
        "reference": printed_reference(quoted) if quoted else number,
        "bank.unchanged": account.bank_changed_on is None,
        "bank.changed_on": account.day(account.bank_changed_on) if account.bank_changed_on and iban == account.profile.iban else "",
    }


def account_iban(account: Account, lines: Sequence[Line]) -> str:
    """The one IBAN of the invoices claimed; the profile's when they name none."""
    named = {account.invoices[line.invoice_id].pay_to_iban for line in lines if line.invoice_id} - {""}
    return next(iter(sorted(named)), "") or account.profile.iban


def grouped_iban(iban: str) -> str:
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))


def bank_details(account: Account, lines: Sequence[Line], qr_svg: str = "") -> BankDetails:
    details = payment_details(account, lines)
    return BankDetails(
        language=account.language,
        holder=_holder(account, lines),
        iban=str(details["iban"]),
        bic=str(details["bic"]),
        reference=str(details["reference"]),
        qr_svg=qr_svg,
    )


def _holder(account: Account, lines: Sequence[Line]) -> str:
    iban = account_iban(account, lines)
    invoices = (
        [account.invoices[pk] for pk in {line.invoice_id for line in lines if line.invoice_id}] if iban != account.profile.iban else []
    )
    customers = {account.customer.pk: account.customer}
    if others := {invoice.customer_id for invoice in invoices} - set(customers):
        customers |= Customer.objects.in_bulk(others)
    factors = [factor_of(invoice, customers[invoice.customer_id]) for invoice in invoices]
    return holder_of(iban, profile=account.profile, factors=[factor for factor in factors if factor is not None])


def invoice_table(account: Account, lines: Sequence[Line]) -> InvoiceTable:
    """The lines as a table by section; another legal entity of the payer gets sections of its own, under its name (rule 5).

    A SERVICE message that shows more than it is about ends in the balance of the account, not in a sum to pay.
    """
    sections: list[TableSection] = []
    own = str(account.customer.pk)
    names = _entity_names(account, lines, own)
    claimed = claimed_lines(lines)
    service = is_service(claimed)
    for customer_id in [own, *sorted(names)]:
        for section, steps in _SERVICE_PARTS if service else _PARTS:
            rows = [
                line
                for line in lines
                if line.section == section and (line.customer_id or own) == customer_id and (steps is None or line.own_step is steps)
            ]
            if rows:
                title = _OTHER_DUE_DATES[account.language] if steps is False else ""
                if customer_id in names:
                    title = f"{names[customer_id]} — {title or WORDS[account.language][_SECTIONS[section]]}"
                sections.append(
                    TableSection(
                        kind=_SECTIONS[section],
                        rows=[_table_row(account, line) for line in rows],
                        total=account.money(sum(line.cents for line in rows)),
                        title=title,
                    )
                )
    balance = service and len(claimed) < sum(line.section in OPEN for line in lines)
    total = sum(line.cents for line in lines) if balance else net_of_credits(claimed, lines)
    return InvoiceTable(language=account.language, sections=sections, total=account.money(total), balance=balance)


def _entity_names(account: Account, lines: Sequence[Line], own: str) -> dict[str, str]:
    others = {line.customer_id for line in lines if line.customer_id and line.customer_id != own}
    if not others:
        return {}
    return {str(pk): name for pk, name in Customer.objects.filter(pk__in=others).values_list("pk", "name")}


def _table_row(account: Account, line: Line) -> TableRow:
    if line.section == Section.CREDIT:
        received = account.day(date.fromordinal(line.due_on)) if line.due_on is not None else ""
        label = line.label or _RECEIPT[account.language].format(received)
        return TableRow(number=label, outstanding=account.money(line.cents))
    if not line.invoice_id:
        return TableRow(number=_ELSEWHERE[account.language], outstanding=account.money(line.cents))
    invoice = account.invoices[line.invoice_id]
    due_on = date.fromordinal(line.due_on) if line.due_on is not None else None
    late = (account.today - due_on).days if due_on else 0
    return TableRow(
        number=invoice.number,
        issued_on=account.short_day(invoice.issued_on),
        due_on=account.short_day(due_on) if due_on else "",
        amount=account.money(invoice.gross),
        outstanding=account.money(line.cents),
        late=_DAYS_LATE[account.language].format(late) if late > 0 else "",
        po=invoice.purchase_order,
    )


def first_message_id(items: Sequence[UUID]) -> str:
    """Message-ID of the first e-mail about these items, so that mail programs keep the conversation together."""
    return Past(items).first_message_id(items)
