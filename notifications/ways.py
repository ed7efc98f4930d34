"""The ways of sending as a person sets them up: which there are for a channel, what each asks for, and how the one in use is doing.

Secrets are asked for and never told. Runs inside `tenant()`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dunning.core.enums import PAPER_CHANNELS, WRITTEN_CHANNELS, Channel
from notifications import pace, services
from notifications.enums import MessageKind, PayBy, ProviderKind
from notifications.models import Message, ProviderAccount


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a way asks for. `fixed` is given, not asked; a secret that is left blank stays what it was."""

    name: str
    label: str | Promise = ""
    is_secret: bool = False
    is_required: bool = True
    help_text: str | Promise = ""
    choices: tuple[tuple[str, str | Promise], ...] = ()
    fixed: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """One way of sending: `key` names it in addresses and forms, `note` is what to know before it is chosen."""

    key: str
    kind: ProviderKind
    label: str | Promise
    channels: frozenset[str]
    fields: tuple[Field, ...] = ()
    note: str | Promise = ""


_MAIL: Final = frozenset({Channel.EMAIL})
_SMS: Final = frozenset({Channel.SMS})
_KEY: Final = Field("api_key", _("API key"), is_secret=True)
_RATE: Final = Field(
    "rate_per_minute",
    _("At most, per minute"),
    is_required=False,
    help_text=_("Left blank: as many as the service usually takes."),
)
_COST: Final = Field("unit_cost", _("Cost of one"), is_required=False, help_text=_("Per message, text-message part or letter."))
_SENDER: Final = Field("sender", _("Sender"), is_required=False, help_text=_("A number, or a name of at most 11 letters and digits."))

WAYS: Final = (
    Way("post_office", ProviderKind.POST_OFFICE, ProviderKind.POST_OFFICE.label, frozenset(WRITTEN_CHANNELS)),
    Way(
        "smtp",
        ProviderKind.SMTP,
        ProviderKind.SMTP.label,
        _MAIL,
        (
            Field("host", _("Server")),
            Field("port", _("Port"), help_text="587"),
            Field(
                "security",
                _("Security"),
                choices=(("starttls", _("STARTTLS (587)")), ("ssl", _("TLS from the start (465)")), ("none", _("None"))),
            ),
            Field("username", _("User name"), is_required=False),
            Field("password", _("Password"), is_secret=True, is_required=False),
            _RATE,
        ),
    ),
    Way("brevo", ProviderKind.ANYMAIL, "Brevo", _MAIL, (Field("service", fixed="brevo"), _KEY, _RATE, _COST)),
    Way(
        "mailjet",
        ProviderKind.ANYMAIL,
        "Mailjet",
        _MAIL,
        (Field("service", fixed="mailjet"), _KEY, Field("secret_key", _("Secret key"), is_secret=True), _RATE, _COST),
    ),
    Way(
        "postmark",
        ProviderKind.ANYMAIL,
        "Postmark",
        _MAIL,
        (
            Field("service", fixed="postmark"),
            Field("server_token", _("Server token"), is_secret=True),
            Field("message_stream", _("Message stream"), is_required=False, help_text="outbound"),
            _RATE,
            _COST,
        ),
    ),
    Way(
        "amazon_ses",
        ProviderKind.ANYMAIL,
        "Amazon SES",
        _MAIL,
        (
            Field("service", fixed="amazon_ses"),
            Field("region", _("Region"), help_text="eu-west-3"),
            Field("access_key_id", _("Access key ID"), is_secret=True),
            Field("secret_access_key", _("Secret access key"), is_secret=True),
            Field("configuration_set", _("Configuration set"), is_required=False),
            _RATE,
            _COST,
        ),
        _("Bounces and complaints do not come back here: Amazon SES sends them to the sender’s mailbox. Correct the contacts by hand."),
    ),
    Way(
        "twilio",
        ProviderKind.TWILIO,
        ProviderKind.TWILIO.label,
        _SMS,
        (Field("account_sid", _("Account SID")), Field("auth_token", _("Auth token"), is_secret=True), _SENDER, _RATE, _COST),
    ),
    Way(
        "sinch",
        ProviderKind.SINCH,
        ProviderKind.SINCH.label,
        _SMS,
        (
            Field("service_plan_id", _("Service plan ID")),
            Field("api_token", _("API token"), is_secret=True),
            Field("callback_secret", _("Secret of the delivery reports"), is_secret=True, is_required=False),
            Field("callback_url", _("Address for delivery reports"), is_required=False),
            _SENDER,
            _RATE,
            _COST,
        ),
    ),
    Way("print", ProviderKind.PRINT, ProviderKind.PRINT.label, frozenset(PAPER_CHANNELS), (_COST,)),
    Way(
        "mysendingbox",
        ProviderKind.MYSENDINGBOX,
        ProviderKind.MYSENDINGBOX.label,
        frozenset(PAPER_CHANNELS),
        (
            _KEY,
            Field("webhook_user", _("User name of its reports"), is_secret=True, is_required=False),
            Field("webhook_password", _("Password of its reports"), is_secret=True, is_required=False),
            Field("color", _("Printing"), choices=(("bw", _("Black and white")), ("color", _("Colour")))),
            _COST,
        ),
    ),
)


CARD_WAY: Final = Way(
    "stripe",
    ProviderKind.STRIPE,
    ProviderKind.STRIPE.label,
    frozenset({PayBy.CARD}),
    (
        Field(
            "api_key",
            _("Secret key"),
            is_secret=True,
            help_text=_("sk_live_… or, better, a restricted key rk_live_… that may write Checkout Sessions."),
        ),
        Field(
            "signing_secret",
            _("Signing secret"),
            is_secret=True,
            is_required=False,
            help_text=_("whsec_…: Stripe shows it once the address for its reports is entered there."),
        ),
    ),
)
"""How card payments are taken."""


def ways_of(channel: str) -> list[Way]:
    """The ways a channel may go."""
    return [way for way in (*WAYS, CARD_WAY) if channel in way.channels]


def way_of(account: ProviderAccount) -> Way | None:
    """The way an account is; None for one that was set up by command and has no form."""
    service = str(account.settings.get("service") or "")
    return next(
        (way for way in (*WAYS, CARD_WAY) if way.kind == account.kind and (account.kind != ProviderKind.ANYMAIL or way.key == service)),
        None,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How a channel is doing: its way, whether its service is left alone at the moment, what it last complained of, the last test."""

    channel: Channel
    account: ProviderAccount | None = None
    way: Way | None = None
    is_paused: bool = False
    last_error: str = ""
    last_error_at: datetime | None = None
    last_test: Message | None = None

    @property
    def may_be_tested(self) -> bool:
        return self.account is not None and self.channel not in PAPER_CHANNELS


def standings() -> list[Standing]:
    """Every written channel, in a fixed order."""
    accounts = {account.channel: account for account in pace.active_accounts()}
    tests: dict[str, Message] = {}
    for message in Message.objects.filter(kind=MessageKind.TEST).order_by("-created_at")[:50]:
        tests.setdefault(message.channel, message)
    found = []
    for channel in (Channel.EMAIL, Channel.SMS, Channel.LETTER, Channel.REGISTERED):
        account = accounts.get(channel)
        if account is None:
            found.append(Standing(channel))
            continue
        found.append(
            Standing(
                channel,
                account,
                way_of(account),
                pace.seconds_closed(account) > 0,
                account.last_error,
                account.last_error_at,
                tests.get(channel),
            )
        )
    return found


def set_way(*, channel: str, key: str, values: Mapping[str, str], actor: str, now: datetime) -> ProviderAccount:
    """Make a way the one of a channel. A secret left blank stays the one in use, when the way stays.

    Raises DomainError with what is missing; nothing is changed then.
    """
    way = next(way for way in ways_of(channel) if way.key == key)
    before = ProviderAccount.objects.filter(channel=channel, is_active=True).first()
    is_same = before is not None and way_of(before) == way
    known = {field.name for field in way.fields}
    settings: dict[str, Any] = {}
    if before is not None and is_same:  # what the form does not show was set by command, and stays
        settings = {name: value for name, value in before.settings.items() if name not in known}
    settings |= {field.name: field.fixed or values.get(field.name, "").strip() for field in way.fields if not field.is_secret}
    secrets = services.secrets_of(before) if before is not None and is_same else {}
    secrets |= {field.name: value for field in way.fields if field.is_secret and (value := values.get(field.name, "").strip())}
    return services.set_provider(
        channel=channel,
        kind=way.kind,
        actor=actor,
        now=now,
        settings={name: value for name, value in settings.items() if value != ""},
        secrets=secrets,
    )
