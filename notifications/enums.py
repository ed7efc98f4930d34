"""The words about a message's life."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class MessageKind(models.TextChoices):
    """Only REMINDER takes a slot of spacing (rule 6); the others neither wait nor count."""

    REMINDER = "reminder", _("Reminder")
    ACKNOWLEDGEMENT = "acknowledgement", _("Acknowledgement")
    ANSWER = "answer", _("Answer")
    WRITTEN = "written", _("Written by a person")  # word for word, in answer to what a customer wrote
    CONFIRMATION = "confirmation", _("Confirmation")
    THANKS = "thanks", _("Thanks")
    RETRACTION = "retraction", _("Retraction")
    PRENOTIFICATION = "prenotification", _("Debit pre-notification")
    RESEND = "resend", _("Invoice sent again")
    INTERNAL = "internal", _("Internal notice")
    TEST = "test", _("Test to oneself")


class MessageState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    AWAITING_APPROVAL = "awaiting_approval", _("Awaiting approval")
    HELD = "held", _("Held")
    QUEUED = "queued", _("Queued")
    SENDING = "sending", _("Sending")
    ACCEPTED = "accepted", _("Sent")  # by the provider; a letter: posted
    UNCERTAIN = "uncertain", _("Uncertain")
    RETRY = "retry", _("To be tried again")
    TO_POST = "to_post", _("To be posted")  # letters: printed by us, waiting for the posting date
    ENTRUSTED = "entrusted", _("With the postal service")  # letters: it has them and will report their posting
    FAILED = "failed", _("Failed")
    UNPROVEN = "unproven", _("Unproven")
    CANCELLED = "cancelled", pgettext_lazy("message", "Withdrawn")
    DELIVERED = "delivered", _("Delivered")
    BOUNCED = "bounced", _("Bounced")
    COMPLAINED = "complained", _("Complained")


WAITING = frozenset({MessageState.DRAFT, MessageState.AWAITING_APPROVAL, MessageState.HELD, MessageState.QUEUED, MessageState.RETRY})
LEFT = frozenset({MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.COMPLAINED})  # it counts as done
NEVER_LEFT = frozenset({MessageState.CANCELLED, MessageState.FAILED})


class AttemptOutcome(models.TextChoices):
    PENDING = "pending", _("In progress")
    ACCEPTED = "accepted", _("Accepted")
    NOT_ACCEPTED = "not_accepted", _("Certainly not accepted")  # may be tried again
    REFUSED = "refused", _("Refused for good")
    UNCERTAIN = "uncertain", _("Uncertain")
    RELEASED = "released", _("Given back without a call")  # the deadline passed before the write


class LetterProof(models.TextChoices):
    """What the post reports of a registered letter (rule 9)."""

    POSTED = "posted", _("Posted")
    PRESENTED = "presented", _("Presented")
    DELIVERED = "delivered", _("Delivered against signature")
    UNCLAIMED = "unclaimed", _("Unclaimed")
    REFUSED = "refused", _("Refused")
    UNKNOWN_ADDRESS = "unknown_address", _("Unknown at this address")


class ProviderKind(models.TextChoices):
    POST_OFFICE = "post_office", _("Local post office")
    SMTP = "smtp", _("SMTP server")
    ANYMAIL = "anymail", _("E-mail service (Anymail)")
    TWILIO = "twilio", _("Twilio")
    SINCH = "sinch", _("Sinch")
    MYSENDINGBOX = "mysendingbox", _("MySendingBox")
    PRINT = "print", _("Print and post yourself")
    STRIPE = "stripe", _("Stripe")


class PayBy(models.TextChoices):
    """What accounts are for that carry no message: the means of payment they take."""

    CARD = "card", _("Card")


class EventState(models.TextChoices):
    """What became of a provider's call."""

    STORED = "stored", _("To be read")
    APPLIED = "applied", _("Read and applied")
    PARKED = "parked", _("Its message is not known yet")
    UNKNOWN = "unknown", _("About no message of ours")  # after a day of looking
    REJECTED = "rejected", _("Not the provider's")  # found out when it was read
    UNREADABLE = "unreadable", _("Cannot be read")
    QUARANTINED = "quarantined", _("Set aside after three failures")


class ReplyKind(models.TextChoices):
    """Who wrote what came in: only a person's words pause a plan (rule 9)."""

    HUMAN = "human", _("Reply")
    ABSENCE = "absence", _("Absence reply")
    AUTOMATIC = "automatic", _("Automatic message")
    BOUNCE = "bounce", _("Undeliverable")
    STOP = "stop", _("Asked to stop")


class ProofKind(models.TextChoices):
    """What a kept document proves of a letter."""

    DEPOSIT = "deposit", _("Proof of posting")
    RECEIPT = "receipt", _("Signed acknowledgement of receipt")
    RETURN = "return", _("Returned envelope")
    OTHER = "other", _("Another document")


class SuppressionReason(models.TextChoices):
    HARD_BOUNCE = "hard_bounce", _("The address does not exist")
    COMPLAINT = "complaint", _("Complaint")
    STOP = "stop", _("Asked to stop")
    WRONG_NUMBER = "wrong_number", _("Wrong number")
    MANUAL = "manual", _("Added by hand")


class Obstacle(models.TextChoices):
    """Why a message did not leave, beside the reasons of the plan: each says what to do. The particulars are in `reason_text`."""

    MISSING_VALUE = "missing_value", _("The text prints a value that is not known: complete it, then release the message")
    TEMPLATE_ERROR = "template_error", _("The text cannot be read: correct the template, then release the message")
    TEMPLATE_MISSING = "template_missing", _("There is no text for this step, channel and language: write one, then release the message")
    NO_PROVIDER = "no_provider", _("No way of sending is set up for this channel: set one up, then release the message")
    MISCONFIGURED = "misconfigured", _("The way of sending is not set up correctly: correct it, then release the message")
    SENDER_MISSING = "sender_missing", _("The sender's address is missing or wrong: enter it in the settings, then release the message")
    ADDRESS_MISSING = "address_missing", _("Nobody can be reached over this channel: add an address, then release the message")
    ADDRESS_WRONG = "address_wrong", _("The recipient's address is not valid: correct it, then release the message")
    ADDRESS_CLOSED = "address_closed", _("The address must not be used any more")
    DOCUMENT_MISSING = "document_missing", _("A file that goes with it is missing or cannot be read: replace it, then release the message")
    LETTER_FAILED = "letter_failed", _("The letter cannot be printed as it is: correct what is said here, then release the message")
    NOT_ACCEPTED = "not_accepted", _("Not accepted for now: it will be tried again")
    UNREACHABLE = "unreachable", _("Tried for days without success: check the way of sending, then release the message")
    REFUSED = "refused", _("Refused by the provider")
    TURNED_AWAY = (
        "turned_away",
        _("Refused, but not because the address is dead: correct what is said here, then release the message"),
    )
    UNCERTAIN = "uncertain", _("It may have left: look in the provider's journal, then say so")
    BY_HAND = "by_hand", _("By a person")
    FORGOTTEN = "forgotten", _("It may have left before the database was restored: look in the service's journal, then say so")
    CRASHED = "crashed", _("It could not be prepared because of a fault of the program: its particulars are in the log")


class Errand(models.TextChoices):
    """What a ticket is for when no message waits: the channels of webhooks."""

    EVENTS = "events", _("Events to be handed out")
    WEBHOOK = "webhook", _("Webhook")


class EndpointState(models.TextChoices):
    ACTIVE = "active", _("Active")
    DISABLED = "disabled", _("Switched off")


class SwitchedOff(models.TextChoices):
    """Why an endpoint is called no more."""

    BY_HAND = "by_hand", _("Switched off by a person")
    GONE = "gone", _("Its server answered that the address is gone for good (410)")
    FAILING = "failing", _("Nothing but failures for three days")


class DeliveryState(models.TextChoices):
    """What became of one event on its way to one endpoint."""

    PENDING = "pending", _("Under way")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Given up")


class WebhookFault(models.TextChoices):
    """Why a call of a webhook brought no status at all."""

    NO_NAME = "no_name", _("The name of the address is not known")
    BLOCKED = "blocked", _("The name leads to an address that is not on the internet: nothing was sent")
    UNREACHABLE = "unreachable", _("No connection could be made")
    TLS = "tls", _("The connection is not secure: the certificate cannot be verified")
    TIMEOUT = "timeout", _("No answer came in time")
    BROKEN = "broken", _("The connection broke off")
    UNSIGNED = "unsigned", _("Its secret cannot be read with this installation's key: make a new one")
