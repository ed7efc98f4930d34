"""The organization a key belongs to."""

from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Day
from dunning.api.operations import operation
from dunning.api.shapes import Shape, read
from dunning.core.identity import IDENTITY
from dunning.core.models import OrganizationProfile
from invoices.selectors import coverage_through


class OrganizationRow(Shape):
    """The creditor: who it is on paper, where it is paid, how its engine behaves."""

    ledger_through = Day(allow_null=True, help_text="The day through which receipts are known to be complete.")

    class Meta:
        model = OrganizationProfile
        always = True
        columns = {
            "id": "",
            "slug": "Its short name, for commands.",
            "name": "",
            "timezone": "Of its day.",
            "run_hour": "Local hour of the daily run.",
            "next_run_at": "When the next daily run is due.",
            **dict.fromkeys(IDENTITY, ""),
            "supervised_until": "Until and including this day every message waits for a person.",
            "ledger_gate": "Whether overdue messages wait for complete receipts.",
            "held_at": "Since when everything is held.",
            "held_reason": "",
        }
        sources = {
            "id": "organization_id",
            "slug": "organization__slug",
            "name": "organization__name",
            "timezone": "organization__timezone",
            "run_hour": "organization__run_hour",
            "next_run_at": "organization__next_run_at",
        }


class OneOrganization(Endpoint):
    resource = "organization"

    @operation("getOrganization", "Read your organization", answers=OrganizationRow)
    def get(self, call: Call) -> Answer:
        """The organization the key belongs to; there is no way to another."""
        (row,), _keys = read(OrganizationRow, OrganizationProfile.objects.all())
        through = coverage_through()
        return Answer({**row, "ledger_through": through.isoformat() if through is not None else None})
