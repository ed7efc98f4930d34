"""What a letter's page needs beside its text, and the sums of a formal notice: penalties and fixed sum of each invoice (docs/domain.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from customers.enums import CustomerKind
from dunning.core.money import format_date, format_number
from invoices.clauses import Mode
from invoices.epc import epc_payload, epc_svg
from invoices.penalties import PenaltyStatement
from invoices.references import normalise_reference
from invoices.selectors import accessories
from invoices.selectors.rates import unpublished_words
from notifications.blocks import InvoiceTable, SectionKind, TableRow, TableSection
from notifications.letter_blocks import letter_bank, letter_chronology, letter_table
from notifications.letters import Annex, AnnexRow
from notifications.placeholders import Value
from notifications.signals import Claim as LetterClaim
from scenarios.claims import claimed_cents, claimed_lines
from scenarios.past import chronology_rows
from scenarios.statement import Line
from scenarios.wording import Account, bank_details, invoice_table

_NOTHING: Final = Decimal(0)
_NOTES: Final = {
    "fr": "Taux : taux de refinancement de la Banque centrale européenne majoré de 10 points, semestre par semestre "
    "(art. L441-10, II du code de commerce).",
    "en": "Rate: European Central Bank refinancing rate plus 10 points, semester by semester (article L441-10, II of the French "
    "Commercial Code).",
}


class RateUnknown(Exception):
    """A reference rate is not published yet: the letter waits until somebody enters it. The message is for people."""


@dataclass(frozen=True)
class Claim:
    """One claimed invoice of a formal notice: principal in cents, and what the law adds to it."""

    line: Line
    statement: PenaltyStatement | None
    fixed_sum: Decimal

    @property
    def principal(self) -> Decimal:
        return Decimal(self.line.cents) / 100

    @property
    def penalties(self) -> Decimal:
        return self.statement.total if self.statement is not None else _NOTHING


@dataclass(frozen=True)
class Completed:
    """A letter ready to be printed: the context of its text, what `LetterContent` takes beside it, and what it claims in all."""

    words: dict[str, Value]
    page: dict[str, Any]
    claim: LetterClaim


def complete(context: dict[str, Value], *, account: Account, lines: Sequence[Line], legal: bool) -> Completed:
    """A letter's words with its printed blocks, what its page takes beside the text, and what it claims.

    A legal letter splits each claimed invoice into principal, penalties and fixed sum. Raises RateUnknown.
    """
    words = dict(context)
    letter: dict[str, Any] = {"references": _references(account)}
    claims = _claims(account, lines) if legal else []
    asked = Decimal(claimed_cents(lines)) / 100
    if claims:
        words.update(_sums(account, claims))
        words["table"] = letter_table(_split_table(account, lines, claims))
        letter["annex"] = _annex(account, claims)
        asked = sum((claim.principal + claim.penalties + claim.fixed_sum for claim in claims), _NOTHING)
    else:
        words["table"] = letter_table(invoice_table(account, lines))
    rows = chronology_rows(account.reminders, account.language)
    if rows:
        words["chronology"] = letter_chronology(rows, account.language)
    details = bank_details(account, claimed_lines(lines), _qr(account, lines, asked))
    words["bank"] = letter_bank(details)
    claimed = LetterClaim(
        amount=asked,
        currency=account.currency,
        holder=details.holder,
        iban=details.iban.replace(" ", ""),
        items=tuple({UUID(line.item_id): None for line in claimed_lines(lines)}),
        accessories=tuple(
            (UUID(claim.line.item_id), claim.penalties, claim.fixed_sum) for claim in claims if claim.penalties or claim.fixed_sum
        ),
    )
    return Completed(words, letter, claimed)


def _references(account: Account) -> list[tuple[str, str]]:
    if account.language == "fr":
        return [("Votre compte", account.customer.number)]
    return [("Your account", account.customer.number)]


def _claims(account: Account, lines: Sequence[Line]) -> list[Claim]:
    claimed = claimed_lines(lines)
    owed = accessories([UUID(line.item_id) for line in claimed], until=account.today)
    claims = []
    for line in claimed:
        accessory = owed[UUID(line.item_id)]
        if accessory.missing is not None:
            raise RateUnknown(unpublished_words(accessory.missing))
        consumer = account.customer.kind == CustomerKind.CONSUMER  # interest starts with this very letter (C. civ. 1231-6)
        claims.append(Claim(line, None if consumer else accessory.statement, accessory.fixed_sum))
    return claims


def _sums(account: Account, claims: Sequence[Claim]) -> dict[str, Value]:
    principal = sum((claim.principal for claim in claims), _NOTHING)
    late = sum((claim.penalties for claim in claims), _NOTHING)
    fixed = [claim.fixed_sum for claim in claims if claim.fixed_sum]
    values: dict[str, Value] = {
        "amounts.principal": account.money(principal),
        "amounts.total": account.money(principal),
        "amounts.grand_total": account.money(principal + late + sum(fixed, _NOTHING)),
    }
    if late:
        values["amounts.penalties"] = account.money(late)
        values["interest_date"] = account.day(account.today)
    if fixed:
        values["amounts.fixed_sum"] = account.money(sum(fixed, _NOTHING))
        values["amounts.fixed_sum_count"] = str(len(fixed))
    if len(set(fixed)) == 1:  # British and Dutch law scale it by the invoice
        values["amounts.fixed_sum_each"] = account.money(fixed[0])
    return values


def _split_table(account: Account, lines: Sequence[Line], claims: Sequence[Claim]) -> InvoiceTable:
    rows = []
    for claim in claims:
        invoice = account.invoices[claim.line.invoice_id]
        due_on = date.fromordinal(claim.line.due_on) if claim.line.due_on is not None else account.today
        rows.append(
            TableRow(
                number=invoice.number,
                issued_on=format_date(invoice.issued_on, account.language, "short"),
                due_on=format_date(due_on, account.language, "short"),
                amount=account.money(invoice.gross),
                outstanding=account.money(claim.principal),
                po=invoice.purchase_order,
                penalties=account.money(claim.penalties) if claim.penalties else "",
                fixed_sum=account.money(claim.fixed_sum) if claim.fixed_sum else "",
                total=account.money(claim.principal + claim.penalties + claim.fixed_sum),
            )
        )
    late = sum((claim.penalties for claim in claims), _NOTHING)
    fixed = sum((claim.fixed_sum for claim in claims), _NOTHING)
    principal = sum((claim.principal for claim in claims), _NOTHING)
    claimed = TableSection(
        kind=SectionKind.OVERDUE,
        rows=rows,
        total=account.money(principal + late + fixed),
        principal=account.money(principal),
        penalties=account.money(late) if late else "",
        fixed_sum=account.money(fixed) if fixed else "",
    )
    others = [section for section in invoice_table(account, lines).sections if section.kind is SectionKind.INFORMATION]
    return InvoiceTable(
        language=account.language,
        sections=[claimed, *others],
        total=account.money(principal + late + fixed),
        default_interest=account.customer.kind == CustomerKind.PUBLIC,
    )


def _annex(account: Account, claims: Sequence[Claim]) -> Annex | None:
    rows = [
        AnnexRow(
            invoice=account.invoices[claim.line.invoice_id].number,
            start=format_date(segment.start, account.language, "short"),
            end=format_date(segment.end, account.language, "short"),
            days=str(segment.days),
            base=account.money(segment.base),
            rate=f"{format_number(segment.rate, 2, account.language)}\u00a0%",
            amount=account.money(segment.amount),
        )
        for claim in claims
        if claim.statement is not None
        for segment in claim.statement.segments
    ]
    if not rows:
        return None
    total = sum((claim.penalties for claim in claims), _NOTHING)
    return Annex(
        rows=rows,
        total=account.money(total),
        note=_NOTES[account.language] if _at_the_french_default(account) else "",
        default_interest=account.customer.kind == CustomerKind.PUBLIC,
    )


def _at_the_french_default(account: Account) -> bool:
    """Whether the rate is that of L441-10: the profile's mode binds businesses under French law alone, see `clause_for`."""
    profile = account.profile
    return profile.country == "FR" and account.customer.kind == CustomerKind.BUSINESS and profile.penalty_mode == Mode.DEFAULT_ECB10


def _qr(account: Account, lines: Sequence[Line], amount: Decimal) -> str:
    """The EPC code of the bank block; none outside euros, or when its data cannot be encoded."""
    details = bank_details(account, claimed_lines(lines))
    try:
        payload = epc_payload(
            name=details.holder,
            iban=details.iban.replace(" ", ""),
            amount=amount,
            currency=account.currency,
            reference=normalise_reference(details.reference) if details.reference else "",
            bic=details.bic,
        )
    except ValueError:
        return ""
    return epc_svg(payload)
