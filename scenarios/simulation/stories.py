"""The five stories of the demonstration, woven into its last weeks so that a reader finds them on the board, the desk and the records."""

from datetime import date, datetime

from scenarios.simulation.trade import Trade


class Stories:
    """Each day may add a line to a story; the days are counted back from the board."""

    def __init__(self, trade: Trade) -> None:
        self.trade = trade
        self.board_day: date | None = None

    def before_the_board(self, board_day: date) -> None:
        self.board_day = board_day

    def morning(self, today: date, now: datetime) -> None:
        """What the ledger learns."""

    def at_work(self, today: date, now: datetime) -> None:
        """What people do."""
