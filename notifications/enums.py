"""The words about a message's life."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class MessageKind(models.TextChoices):
    """Only REMINDER takes a slot of spacing (rule 6); the others neither wait nor count."""

    REMINDER = "reminder", _("Reminder")
    ACKNOWLEDGEMENT = "acknowledgement", _("Acknowledgement")
    ANSWER = "answer", _("Answer")
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
    FAILED = "failed", _("Failed")
    UNPROVEN = "unproven", _("Unproven")
    CANCELLED = "cancelled", _("Withdrawn")
    DELIVERED = "delivered", _("Delivered")
    BOUNCED = "bounced", _("Bounced")
    COMPLAINED = "complained", _("Complained")


WAITING = frozenset({MessageState.DRAFT, MessageState.AWAITING_APPROVAL, MessageState.HELD, MessageState.QUEUED, MessageState.RETRY})
LEFT = frozenset({MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.COMPLAINED})  # it counts as done
MAY_HAVE_LEFT = LEFT | {MessageState.SENDING, MessageState.UNCERTAIN, MessageState.UNPROVEN}  # it counts for spacing
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
    PRINT = "print", _("Print and post yourself")


class SuppressionReason(models.TextChoices):
    HARD_BOUNCE = "hard_bounce", _("The address does not exist")
    COMPLAINT = "complaint", _("Complaint")
    STOP = "stop", _("Asked to stop")
    WRONG_NUMBER = "wrong_number", _("Wrong number")
    MANUAL = "manual", _("Added by hand")
