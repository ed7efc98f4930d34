"""Words every floor shares."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Role(models.TextChoices):
    """What a member of an organization may do; `permissions` says what each role allows."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Administrator")
    COLLECTOR = "collector", _("Collector")
    SALES = "sales", _("Sales")
    VIEWER = "viewer", _("Viewer")


class Language(models.TextChoices):
    FRENCH = "fr", _("French")
    ENGLISH = "en", _("English")


class Phase(models.IntegerChoices):
    """How hard a step presses; ordered, so that phases compare: SERVICE < FRIENDLY < FIRM < LEGAL."""

    SERVICE = 10, _("Service")
    FRIENDLY = 20, _("Friendly")
    FIRM = 30, _("Firm")
    LEGAL = 40, _("Legal")


OVERDUE_PHASES = frozenset({Phase.FRIENDLY, Phase.FIRM, Phase.LEGAL})


class Channel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("Text message")
    LETTER = "letter", _("Letter")
    REGISTERED = "registered", _("Registered letter")
    CALL = "call", _("Call")
    TASK = "task", _("Task")


WRITTEN_CHANNELS = frozenset({Channel.EMAIL, Channel.SMS, Channel.LETTER, Channel.REGISTERED})
PAPER_CHANNELS = frozenset({Channel.LETTER, Channel.REGISTERED})
HUMAN_CHANNELS = frozenset({Channel.CALL, Channel.TASK})


class NoticeKind(models.TextChoices):
    """What a person may want to hear of inside the product; each may be switched off by whom it is told to."""

    TASK = "task", _("A task for me")
    REPLY = "reply", _("A reply of a customer")
    FAILURE = "failure", _("Something that failed")
    LATE = "late", _("Work of the team that is late")


class NoticeTopic(models.TextChoices):
    """What happened, which decides the sentence; `KIND_OF_TOPIC` says under which kind it is told."""

    DAY = "day", _("Tasks of the day")
    TASK = "task", _("A task")
    DISPUTES = "disputes", _("Disputes")
    REPLY = "reply", _("A reply")
    NO_CONTACT = "no_contact", _("Nobody left to write to")
    PROVIDER = "provider", _("A way of sending that fails")
    FILE = "file", _("A file that was refused")
    BRAKE = "brake", _("A run that stopped")
    RATES = "rates", _("A reference rate to enter")
    LATE = "late", _("Work that is late")


KIND_OF_TOPIC: dict[str, NoticeKind] = {
    NoticeTopic.DAY: NoticeKind.TASK,
    NoticeTopic.TASK: NoticeKind.TASK,
    NoticeTopic.DISPUTES: NoticeKind.TASK,
    NoticeTopic.REPLY: NoticeKind.REPLY,
    NoticeTopic.NO_CONTACT: NoticeKind.FAILURE,
    NoticeTopic.PROVIDER: NoticeKind.FAILURE,
    NoticeTopic.FILE: NoticeKind.FAILURE,
    NoticeTopic.BRAKE: NoticeKind.FAILURE,
    NoticeTopic.RATES: NoticeKind.TASK,
    NoticeTopic.LATE: NoticeKind.LATE,
}


class DigestRhythm(models.TextChoices):
    """When a person is sent the day by e-mail: asked for, never given."""

    OFF = "off", _("Never")
    DAILY = "daily", _("Each working day")
    MONDAYS = "mondays", _("On Mondays")


class PenaltyMode(models.TextChoices):
    """How late-payment penalties are computed (docs/domain.md, L441-10 II du code de commerce)."""

    DEFAULT_ECB10 = "default_ecb10", _("ECB rate + 10 points (default)")
    CONTRACT_FIXED = "contract_fixed", _("Fixed contractual rate")
    CONTRACT_ECB_PLUS = "contract_ecb_plus", _("ECB rate + contractual margin")
    CONTRACT_LEGAL_X = "contract_legal_x", _("Multiple of the legal rate")


class MandateScheme(models.TextChoices):
    """Which rulebook a direct-debit mandate follows (docs/domain.md, SEPA): B2B is closed to consumers and knows no refund."""

    CORE = "core", _("SEPA Core")
    B2B = "b2b", _("SEPA B2B (between businesses)")


class BankChangeState(models.TextChoices):
    PROPOSED = "proposed", _("Waits for a second person")
    CONFIRMED = "confirmed", _("Confirmed")
    REFUSED = "refused", _("Refused")
    WITHDRAWN = "withdrawn", pgettext_lazy("bank details", "Withdrawn")


class ManyState(models.TextChoices):
    """Where an act about many rows is."""

    WORKING = "working", _("Being done")
    DONE = "done", _("Done")


class ManyRowState(models.TextChoices):
    """What became of one row of an act about many."""

    WAITING = "waiting", pgettext_lazy("row of an act", "Not yet")
    DONE = "done", pgettext_lazy("row of an act", "Changed")
    UNCHANGED = "unchanged", _("Stayed as it was")
    REFUSED = "refused", pgettext_lazy("row of an act", "Not possible")
