import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
import time_machine

from dunning.core import clock

NEW_YEAR_EVE = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)


def test_without_a_virtual_clock_time_is_real() -> None:
    with time_machine.travel(NEW_YEAR_EVE, tick=False):
        assert clock.now() == NEW_YEAR_EVE
        assert clock.now().tzinfo is UTC
    assert not clock.is_virtual()


def test_each_zone_has_its_own_day() -> None:
    with clock.virtual(NEW_YEAR_EVE):
        assert clock.today("Europe/Paris") == date(2027, 1, 1)
        assert clock.today(ZoneInfo("America/Martinique")) == date(2026, 12, 31)
        with pytest.raises(ZoneInfoNotFoundError):
            clock.today("Europe/Atlantis")


def test_a_virtual_clock_stands_still_until_it_is_moved() -> None:
    with clock.virtual(NEW_YEAR_EVE) as time:
        assert clock.is_virtual()
        assert clock.now() == clock.now() == NEW_YEAR_EVE
        assert time.advance(days=1, hours=2) == NEW_YEAR_EVE + timedelta(hours=26)
        assert time.advance(timedelta(minutes=5), seconds=1) == clock.now() == NEW_YEAR_EVE + timedelta(hours=26, minutes=5, seconds=1)
        time.set(datetime(2027, 2, 1, 8, tzinfo=ZoneInfo("Europe/Paris")))
        assert clock.now() == datetime(2027, 2, 1, 7, tzinfo=UTC)
        assert clock.now().tzinfo is UTC
    assert not clock.is_virtual()


def test_time_does_not_run_backwards() -> None:
    with clock.virtual(NEW_YEAR_EVE) as time:
        with pytest.raises(ValueError, match="backwards"):
            time.set(NEW_YEAR_EVE - timedelta(seconds=1))
        with pytest.raises(ValueError, match="backwards"):
            time.advance(days=-1)
        assert clock.now() == NEW_YEAR_EVE


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"), clock.virtual(datetime(2026, 1, 1)):
        pass
    assert not clock.is_virtual()
    with clock.virtual(NEW_YEAR_EVE) as time:
        with pytest.raises(ValueError, match="time zone"):
            time.set(datetime(2027, 1, 1))
        assert clock.now() == NEW_YEAR_EVE


def test_clocks_nest_and_an_error_gives_time_back() -> None:
    with clock.virtual(NEW_YEAR_EVE) as outer:
        with pytest.raises(RuntimeError), clock.virtual(datetime(2020, 1, 1, tzinfo=UTC)) as inner:
            inner.advance(days=1)
            assert clock.now() == datetime(2020, 1, 2, tzinfo=UTC)
            raise RuntimeError
        assert clock.now() == outer.now == NEW_YEAR_EVE
    assert not clock.is_virtual()


def test_other_threads_keep_real_time_unless_given_the_context() -> None:
    seen: dict[str, bool] = {}
    with clock.virtual(NEW_YEAR_EVE):
        stranger = threading.Thread(target=lambda: seen.update(stranger=clock.is_virtual()))
        context = contextvars.copy_context()
        guest = threading.Thread(target=lambda: context.run(lambda: seen.update(guest=clock.now() == NEW_YEAR_EVE)))
        for thread in (stranger, guest):
            thread.start()
            thread.join()
    assert seen == {"stranger": False, "guest": True}


def test_coroutines_share_the_clock_of_their_context_and_no_other() -> None:
    async def play(start: datetime) -> datetime:
        with clock.virtual(start) as time:
            await asyncio.sleep(0)
            time.advance(hours=1)
            await asyncio.sleep(0)
            return await asyncio.create_task(read())

    async def read() -> datetime:
        return clock.now()

    async def both() -> list[datetime]:
        return list(await asyncio.gather(play(NEW_YEAR_EVE), play(datetime(2020, 1, 1, tzinfo=UTC))))

    with ThreadPoolExecutor(1) as thread:  # browser tests of the same worker may leave a loop running in this one
        times = thread.submit(lambda: asyncio.run(both())).result()
    assert times == [NEW_YEAR_EVE + timedelta(hours=1), datetime(2020, 1, 1, 1, tzinfo=UTC)]
