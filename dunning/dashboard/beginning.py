"""The first steps as the page lays them out: what each is called, how it stands, where it is done."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.dashboard import formatting
from scenarios.selectors import beginning
from scenarios.selectors.beginning import Step


@dataclass(frozen=True, slots=True)
class Row:
    """One step. `url` leads to where it is done ("" where this person may not); `verb` is the button that leads there."""

    step: Step
    title: str
    reason: str
    verb: str
    url: str

    @property
    def may_be_said(self) -> bool:
        """Whether a person may call it done here."""
        return self.step.key in beginning.BY_WORD and not self.step.is_done


def rows(steps: list[Step], *, may_manage: bool) -> list[Row]:
    """The steps in the reader's words."""
    return [_row(step, may_manage) for step in steps]


def _row(step: Step, may_manage: bool) -> Row:
    amount = " + ".join(formatting.money(value, currency) for currency, value in step.amounts.items() if value)
    n = formatting.number(step.count)
    words = {
        beginning.ITEMS: (
            _("Load the open items"),
            _("They are loaded.") if step.is_done else _("The « échéancier clients » of your accounting: customers and invoices at once."),
            _("Load a file"),
            f"{reverse('dashboard:imports')}?kind=open_items",
        ),
        beginning.CONTROL: (
            _("Compare the total with your accounting"),
            _("The ledger stands at %(amount)s; it is the balance of your customers’ account (411).") % {"amount": amount}
            if step.is_done
            else _("The ledger stands at %(amount)s. Is it the balance of your customers’ account (411)?") % {"amount": amount}
            if amount
            else _("Nothing is in the ledger yet."),
            _("See the invoices"),
            reverse("dashboard:invoices"),
        ),
        beginning.TRIAGE: (
            _("Decide about invoices more than 90 days overdue"),
            ngettext(
                "One invoice (%(amount)s) waits for a decision; nothing leaves for it before.",
                "%(n)s invoices (%(amount)s) wait for a decision; nothing leaves for them before.",
                step.count,
            )
            % {"n": n, "amount": amount}
            if step.count
            else _("None waits for a decision."),
            _("Decide"),
            reverse("dashboard:triage_all"),
        ),
        beginning.CUSTOMERS: (
            _("Confirm who is public, factored, debited, of a group or a consumer"),
            ngettext("%(n)s proposal, by SIREN and name.", "%(n)s proposals, by SIREN and name.", step.count) % {"n": n}
            if step.count
            else _("Nobody is proposed."),
            _("Confirm"),
            reverse("dashboard:confirm"),
        ),
        beginning.ADDRESSES: (
            _("Find the e-mail addresses that are missing"),
            ngettext(
                "%(n)s customer without e-mail: %(amount)s overdue.", "%(n)s customers without e-mail: %(amount)s overdue.", step.count
            )
            % {"n": n, "amount": amount}
            if step.count
            else _("Every customer who is overdue can be written to."),
            _("Paste addresses"),
            reverse("dashboard:addresses"),
        ),
        beginning.LEDGER: (
            _("Say until when receipts are entered"),
            _("Receipts entered until %(day)s.") % {"day": formatting.date_long(step.on)}
            if step.on is not None
            else _("Overdue reminders leave only for what these receipts would have paid."),
            _("Certify the receipts"),
            reverse("dashboard:ledger"),
        ),
        beginning.BOARD: (
            _("Look at what would leave"),
            _("Decided like a real day, and nothing is written: how many messages, what is held, and why."),
            _("Look"),
            reverse("dashboard:rehearsal"),
        ),
        beginning.TEST: (
            _("Send a test to yourself"),
            _("Through the real way out.") if may_manage else _("An administrator sets up the ways of sending and tries them."),
            _("Send a test"),
            reverse("dashboard:sending_test", args=["email"]) if may_manage else "",
        ),
        beginning.APPROVE: (
            _("Approve ten messages"),
            ngettext("%(n)s message waits on the departure board.", "%(n)s messages wait on the departure board.", step.count) % {"n": n}
            if step.count
            else _("Read them as they would leave, then let the first ten go."),
            _("See the board"),
            reverse("dashboard:board"),
        ),
    }
    return Row(step, *words[step.key])
