"""How far the ledger is complete, and rates entered by hand."""

from datetime import date, datetime
from decimal import Decimal

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dunning.core import audit, events
from dunning.core.errors import DomainError
from dunning.core.money import format_date
from invoices.models import LedgerCoverage, ReferenceRate
from invoices.rates import Semester, Series, known_from

CERTIFIED = "certified"
BANK = "bank"


def certify_ledger(*, through: date, source: str = CERTIFIED, actor: str, today: date, now: datetime) -> LedgerCoverage:
    """Receipts are entered through `through` (rule 8): said by a person, or by a bank statement of that date (`source` "bank").

    The latest statement counts, even when it takes an earlier one back. Raises DomainError for a day in the future.
    """
    if through > today:
        raise DomainError(_("Receipts cannot be complete through a day that has not come."), code="future_date", field="through")
    if source not in (CERTIFIED, BANK):
        raise DomainError(_("Say who knows that receipts are complete."), code="bad_source", field="source")
    latest = LedgerCoverage.objects.order_by("-certified_at", "-pk").first()
    coverage = LedgerCoverage.objects.create(through=through, source=source, certified_by=actor, certified_at=now)
    body = {"through": through, "before": latest.through if latest else None, "source": source}
    audit.record(actor=actor, action="ledger.certified", target=coverage, body=body, now=now)
    events.emit(type="ledger.certified", object_type="ledger_coverage", object_ids=[coverage.pk], now=now, fresh=True)
    return coverage


def enter_reference_rate(
    *, series: str, semester: str, rate: Decimal, source: str, actor: str, today: date, now: datetime
) -> ReferenceRate:
    """Enter a published rate (per cent a year) of `series` for `semester` ("2027-H1"), with its source; entered again, it is corrected.

    Raises DomainError for an unknown series or semester, a semester whose rate cannot be known yet, a rate outside -5 to 50 or of more than
    three decimals, or a missing source.
    """
    if series not in {known.value for known in Series}:
        raise DomainError(_("This series of rates is not known."), code="bad_series", field="series")
    try:
        label = Semester.parse(semester)
    except ValueError:
        raise DomainError(_("Write the semester like 2027-H1."), code="bad_semester", field="semester") from None
    known = known_from(Series(series), label)
    if known > today:
        day = format_date(known, "fr" if (get_language() or "fr").startswith("fr") else "en")
        words = _("This rate cannot be known before %s: enter it then, with where it was published.") % day
        raise DomainError(words, code="future_date", field="semester")
    if not Decimal(-5) <= rate <= Decimal(50):
        raise DomainError(_("A reference rate lies between -5 and 50 per cent."), code="bad_rate", field="rate")
    if rate != round(rate, 3):
        raise DomainError(_("A reference rate has three decimals at most."), code="bad_rate", field="rate")
    if not source.strip():
        raise DomainError(_("Say where the rate was published."), code="required", field="source")
    before = ReferenceRate.objects.filter(series=series, semester=str(label)).first()
    row, _created = ReferenceRate.objects.update_or_create(
        series=series, semester=str(label), defaults={"rate": rate, "source": source.strip()[:200], "verified_on": today}
    )
    replaced = None if before is None else str(before.rate)
    body = {"series": series, "semester": str(label), "rate": str(rate), "source": row.source, "before": replaced}
    audit.record(actor=actor, action="rate.entered", target=row, body=body, now=now)
    return row
