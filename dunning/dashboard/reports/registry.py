"""The reports there are, in the order in which the index shows them."""

from collections.abc import Mapping
from typing import Final

from dunning.dashboard.reports.ageing import AGEING, DEBTORS
from dunning.dashboard.reports.collected import COLLECTED, FROZEN
from dunning.dashboard.reports.content import Report
from dunning.dashboard.reports.delays import DELAYS, PROMISES
from dunning.dashboard.reports.disputes import DISPUTES
from dunning.dashboard.reports.forecast import FORECAST
from dunning.dashboard.reports.legal import LEGAL
from dunning.dashboard.reports.sales import DSO
from dunning.dashboard.reports.steps import STEPS

REPORTS: Final[Mapping[str, Report]] = {
    report.key: report for report in (AGEING, DSO, FORECAST, STEPS, DELAYS, DEBTORS, COLLECTED, FROZEN, PROMISES, DISPUTES, LEGAL)
}
CHARTED: Final = (AGEING, DSO, FORECAST, STEPS)
"""Those whose drawings stand on the index."""
