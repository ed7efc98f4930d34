"""Daily runs: what was decided, by reason."""

from uuid import UUID

from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Day
from dunning.api.operations import operation
from dunning.api.shapes import Shape
from dunning.api.tables import Filter, Table
from scenarios.models import DailyRun


class RunRow(Shape):
    """One run of one local day."""

    class Meta:
        model = DailyRun
        columns = {
            "id": "",
            "local_date": "",
            "started_at": "",
            "finished_at": "",
            "items": "How many open instalments it decided.",
            "counts": "By kind of decision and reason.",
            "forecast": "What it announced for the next day.",
            "brake": "Why it stopped and asks, if it did.",
            "brake_released_by": "",
        }


RUNS = Table(
    name="run",
    shape=RunRow,
    rows=DailyRun.objects.all,
    filters={"from": Filter(Day(), "local_date__gte"), "to": Filter(Day(), "local_date__lte")},
    order={"local_date": "local_date", "id": "id"},
)


class Runs(Endpoint):
    resource = "runs"

    @operation("listRuns", "List daily runs", lists=RUNS)
    def get(self, call: Call) -> Answer:
        """The latest first."""
        return call.list(RUNS)


class OneRun(Endpoint):
    resource = "runs"

    @operation("getRun", "Read a daily run", shows=RUNS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One run."""
        return call.show(RUNS, pk)
