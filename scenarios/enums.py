"""The words of an action plan. The rule that gives a word its meaning is named beside it (docs/rules.md)."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dunning.core.enums import HUMAN_CHANNELS, OVERDUE_PHASES, PAPER_CHANNELS, WRITTEN_CHANNELS, Channel, Phase

__all__ = [
    "HUMAN_CHANNELS",
    "OVERDUE_PHASES",
    "PAPER_CHANNELS",
    "REACHED_A_PERSON",
    "WRITTEN_CHANNELS",
    "ActionState",
    "Anchor",
    "CallOutcome",
    "Channel",
    "CommitmentState",
    "Consequence",
    "Grouping",
    "OffsetUnit",
    "Phase",
    "Reason",
    "TaskKind",
    "TaskState",
]


class Anchor(models.TextChoices):
    """What a step's offset is counted from (rule 2)."""

    ISSUE = "issue", _("Issue date")
    DUE = "due", _("Due date")
    PREVIOUS = "previous", _("Previous step")
    PROMISE = "promise", _("Promised date")


class OffsetUnit(models.TextChoices):
    DAYS = "days", _("Calendar days")
    BUSINESS_DAYS = "business_days", _("Business days")


class Grouping(models.TextChoices):
    """What one message covers (rule 5)."""

    ACCOUNT = "account", _("One message per customer")
    STEP = "step", _("One message per step")
    ITEM = "item", _("One message per invoice")


class Consequence(models.TextChoices):
    """What a step announces, and what another step or task then executes (rules 11 and 16)."""

    PENALTIES = "penalties", _("Late-payment penalties")
    FORMAL_NOTICE = "formal_notice", _("Formal notice")
    HAND_OVER = "hand_over", _("Hand-over for recovery")


class Condition(models.TextChoices):
    """What must be true on the day a step falls due; false, it is skipped with the reason (rule 2)."""

    QUESTION = "question", _("Receipt and acceptance are still worth asking")  # rule 5: first invoices, large ones, after a "not received"
    UNANSWERED = "unanswered", _("Receipt and acceptance are not known")
    AT_LEAST = "at_least", _("The amount asked for reaches a threshold")
    REGIME_KNOWN = "regime_known", _("The customer's legal regime is known")
    NO_PROMISE = "no_promise", _("No promise was ever made")
    CAN_RECEIVE = "can_receive", _("Somebody can be reached over this channel")
    INDEX_BELOW = "index_below", _("The customer's payer index is below a threshold")
    INDEX_AT_LEAST = "index_at_least", _("The customer's payer index reaches a threshold")


class DecisionKind(models.TextChoices):
    TAKE = "take", _("Happens today")
    WAIT = "wait", _("Waits")
    BLOCKED = "blocked", _("Blocked")
    FINISHED = "finished", _("Finished")


class Variant(models.TextChoices):
    """Which wording of a step's text a message uses (rules 3 and 7)."""

    NONE = "", _("Usual")
    REPRISE = "reprise", _("First message about an old item")  # « reprise »
    BROKEN_PROMISE = "broken_promise", _("Promise not kept")  # « promesse non tenue »
    PAYMENT_NOT_FOUND = "payment_not_found", _("Announced payment not found")  # « paiement introuvable »
    UNDISPUTED_PART = "undisputed_part", _("Undisputed part")  # « hors montant contesté »
    PARTIAL_PAYMENT = "partial_payment", _("Thanks for a part paid")  # « merci (paiement partiel) »
    AFTER_DISPUTE = "after_dispute", _("After a rejected dispute")  # « réponse au litige »


class Section(models.TextChoices):
    """Where a line of an account stands in a message (rule 5)."""

    OVERDUE = "overdue", _("Overdue")
    COMING_DUE = "coming_due", _("Coming due")
    TO_CONFIRM = "to_confirm", _("To confirm")
    INFORMATION = "information", _("For information")
    CREDIT = "credit", _("In your favour")


class ActionState(models.TextChoices):
    PLANNED = "planned", _("Planned")  # taken by the run, its message or task not done yet
    DONE = "done", _("Done")  # rule 9: by channel
    SKIPPED = "skipped", _("Skipped")  # its condition was false, or its day is past (SERVICE)
    CANCELLED = "cancelled", _("Cancelled")  # the item fell away, or a person withdrew it
    TAKEN_BACK = "taken_back", _("Taken back")  # a bounce, a wrong address, a retraction: it does not count


class TaskKind(models.TextChoices):
    CALL = "call", _("Call")
    APPROVAL = "approval", _("Approval")
    POST_LETTER = "post_letter", _("Post a letter")
    FIND_CONTACT = "find_contact", _("Find a contact")
    MATCH_RECEIPT = "match_receipt", _("Match a receipt")
    ALLOCATE_CREDIT = "allocate_credit", _("Allocate a credit")
    ANSWER_DISPUTE = "answer_dispute", _("Answer a dispute")
    CREDIT_NOTE = "credit_note", _("Issue a credit note")
    SUPPLY_DOCUMENT = "supply_document", _("Supply a document")
    TRIAGE = "triage", _("Triage an old item")
    HAND_OVER = "hand_over", _("Hand over for recovery")
    DECISION = "decision", _("Management decision")
    CHORUS_STATUS = "chorus_status", _("Check the Chorus Pro status")
    DECLARE_CLAIM = "declare_claim", _("Declare the claim")
    RECLAIM_GOODS = "reclaim_goods", _("Reclaim goods under retention of title")
    LIMITATION = "limitation", _("Act before the claim is barred")
    CONFIRM_SPLIT = "confirm_split", _("Say what was delivered before the judgment")
    UNCERTAIN_SENDING = "uncertain_sending", _("Settle an uncertain sending")
    HOLD_EXPIRED = "hold_expired", _("A hold has expired")
    HOLD_REQUEST = "hold_request", _("A pause is asked for")
    REPLY = "reply", _("Answer a reply")
    ACTIVATE_MANDATE = "activate_mandate", _("Check a direct-debit mandate")
    CONFIRM_CONTACT = "confirm_contact", _("Confirm a contact the customer named")
    FRAUD_ALERT = "fraud_alert", _("Possible fraud: look at once")
    OTHER = "other", _("Other")


class TaskState(models.TextChoices):
    OPEN = "open", _("Open")
    DONE = "done", _("Done")
    NOT_DONE = "not_done", _("Not done")  # open 8 business days: closed, the plan goes on (rule 9)
    CANCELLED = "cancelled", _("Cancelled")


class CallOutcome(models.TextChoices):
    """Domain 6.4, plus rule 10's."""

    NO_ANSWER = "no_answer", _("No answer")
    VOICEMAIL = "voicemail", _("Voicemail left")
    WRONG_NUMBER = "wrong_number", _("Wrong number")
    NOT_IN_CHARGE = "not_in_charge", _("Somebody else is in charge")
    CALL_BACK = "call_back", _("Call back")
    INVOICE_NOT_RECEIVED = "invoice_not_received", _("Invoice not received")
    IN_VALIDATION = "in_validation", _("Being validated")
    PAYMENT_SENT = "payment_sent", _("Payment sent")
    PROMISE = "promise", _("Promise to pay")
    PARTIAL_PROMISE = "partial_promise", _("Promise to pay a part")
    PLAN_REQUEST = "plan_request", _("Asks for instalments")
    DISPUTE = "dispute", _("Dispute")
    CASH_DIFFICULTY = "cash_difficulty", _("Cash difficulty")
    REFUSAL = "refusal", _("Refuses to pay")
    INSOLVENCY = "insolvency", _("Insolvency")
    HOSTILE = "hostile", _("Hostile")
    NEXT_PAY_RUN = "next_pay_run", _("Next pay run")
    CREDIT_NOTE_EXPECTED = "credit_note_expected", _("Expects a credit note")
    COMPENSATION = "compensation", _("Set-off")
    OTHER_PAYER = "other_payer", _("Another company pays")
    ABSENT_UNTIL = "absent_until", _("Absent until")
    DOCUMENT_REQUESTED = "document_requested", _("Asks for a document")


REACHED_A_PERSON = frozenset(CallOutcome) - {CallOutcome.NO_ANSWER, CallOutcome.VOICEMAIL, CallOutcome.WRONG_NUMBER}


class CommitmentState(models.TextChoices):
    OPEN = "open", _("Open")
    EXECUTED = "executed", _("Executed")
    WITHDRAWN = "withdrawn", pgettext_lazy("commitment", "Withdrawn")


class Reason(models.TextChoices):
    """Why an item is where it is: every decision carries one, and every "no" can be read on screen."""

    # a step is taken or waits for its day
    DUE_NOW = "due_now", _("The step is due today")
    NOT_YET = "not_yet", _("The next step is not due yet")
    PLAN_FINISHED = "plan_finished", _("Every step of the plan is done")
    NO_PLAN = "no_plan", _("No plan is assigned")
    # rule 1
    SETTLED = "settled", _("Paid")
    CANCELLED = "cancelled", _("The invoice is cancelled")
    COVERED_BY_CREDIT = "covered_by_credit", _("Covered by a credit note or an unallocated payment")
    BELOW_MINIMUM = "below_minimum", _("Below the plan's minimum")
    RESIDUE = "residue", _("A residue, proposed for write-off")
    COLLECTION_PENDING = "collection_pending", _("Inside a collection by direct debit or bill")
    RETENTION = "retention", _("Retention not released yet")
    BILL_NOT_MATURE = "bill_not_mature", _("Bill not mature yet")
    FACTORED = "factored", _("Assigned to a factor without a mandate to remind")
    E_INVOICE_REFUSED = "e_invoice_refused", _("The e-invoice was rejected or refused")
    TENANT_SUSPENDED = "tenant_suspended", _("The organization is suspended")
    TENANT_HELD = "tenant_held", _("Everything is held")
    # rule 3
    ENTERED_LATE = "entered_late", _("Entered when already overdue: the plan starts at its first reminder")
    TRIAGE = "triage", _("More than 90 days overdue at the first import: a person chooses")
    # rules 2, 4, 9, 11
    CONDITION_FALSE = "condition_false", _("The step's condition is false")
    PAYER_INDEX = "payer_index", _("The customer's payer index does not call for it")
    HABIT = "habit", _("A good payer's habit: it waits for the usual pay run")
    PAST_DUE_DATE = "past_due_date", _("The due date has passed")
    ALREADY_ANSWERED = "already_answered", _("Receipt and acceptance are already known")
    IN_PROGRESS = "in_progress", _("The previous step is not finished")
    ONE_PER_DAY = "one_per_day", _("Another step was taken today")
    REQUIREMENT_MISSING = "requirement_missing", _("An earlier act it cites is missing")
    AWAITING_APPROVAL = "awaiting_approval", _("Awaiting approval")
    LEGAL_REGIME_UNKNOWN = "legal_regime_unknown", _("The customer's kind is unknown: no penalty, no formal notice")
    TOO_EARLY_FOR_LEGAL = "too_early_for_legal", _("Needs two written reminders, the last at least 8 days old")
    CHECK_LIST = "check_list", _("The check list of the legal step is not complete")
    OWNER_NOT_WARNED = "owner_not_warned", _("The account owner is told two business days before")
    COMMITMENT_PENDING = "commitment_pending", _("An announced consequence comes first")
    # rules 5, 6
    SPACING = "spacing", _("Too soon after the previous message")
    JOINED = "joined", _("Carried in another message today")
    ELSEWHERE = "elsewhere", _("Shown in another message")
    SUPERSEDED = "superseded", _("A higher message replaces it")
    # rules 7, 8, 12
    PROMISED = "promised", _("Promised")
    PROMISE_FREEZES_CUSTOMER = "promise_freezes_customer", _("A promise covers most of what is overdue")
    HELD_THEIRS = "held_theirs", _("Waiting for the customer")
    HELD_OURS = "held_ours", _("Frozen by us")
    DISPUTED = "disputed", _("Disputed")
    CREDIT_NOTE_PENDING = "credit_note_pending", _("A credit note is to be issued")
    DISPUTE_OPEN = "dispute_open", _("A dispute is open: no legal step")
    UNDISPUTED_PART_WAITS = "undisputed_part_waits", _("The undisputed part waits five business days")
    UNALLOCATED_CREDIT = "unallocated_credit", _("An unallocated credit blocks firm steps")
    NOT_RECEIVED = "not_received", _("The customer had not received the invoice")
    REPLY_PENDING = "reply_pending", _("A reply waits to be read")
    ABSENCE = "absence", _("The contact is absent")
    SOFT_PERIOD = "soft_period", _("A soft period: nothing firm before its end")
    LEDGER_NOT_COVERED = "ledger_not_covered", _("Receipts are not known to be complete")
    UNMATCHED_RECEIPT = "unmatched_receipt", _("An unmatched receipt may be theirs")
    INSOLVENCY = "insolvency", _("Insolvency: older debts are frozen")
    INSOLVENCY_UNSURE = "insolvency_unsure", _("Insolvency: delivered before or after the judgment?")
    # rules 15, 17
    SUPERVISED = "supervised", _("Waits on the departure board")
    BRAKE = "brake", _("The run's volume is unusual: a person confirms")
    NO_CONTACT = "no_contact", _("No contact can be reached")
    SUPPRESSED = "suppressed", _("The address is suppressed")
    OUTSIDE_WINDOW = "outside_window", _("Outside the sending hours")
    IBAN_MISMATCH = "iban_mismatch", _("The invoices name different IBANs")
    IBAN_MISSING = "iban_missing", _("No IBAN is known")
    MISSING_VALUE = "missing_value", _("A value the template needs is missing")
    DOCUMENT_MISSING = "document_missing", _("The copy of an invoice is missing")
    AMOUNT_CHANGED = "amount_changed", _("The amount has changed")
    EMPTY = "empty", _("Nothing is left to claim")
    NO_THANKS = "no_thanks", _("Something is late or contested by now: no thanks are said")
    WITHDRAWN = "withdrawn", _("Withdrawn by a person")
    # rule 9
    NOT_DONE = "not_done", _("Nobody did it in time")
    NOT_DELIVERED = "not_delivered", _("It reached nobody")
    NAMED_OTHER = "named_other", _("It reached somebody who named another person")
    RETRACTED = "retracted", _("The payment had already arrived")
