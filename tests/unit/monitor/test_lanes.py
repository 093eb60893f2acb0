"""Each sort of work has threads of its own, and takes only so much."""

from __future__ import annotations

import asyncio
import threading

import pytest

from worker.monitor.lanes import Lanes
from worker.web.lanes import Lane, LaneFull

PATIENCE_SECONDS = 20


class Work:
    """Work that lasts until the test ends it."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Event()

    def __call__(self) -> str:
        """Do it."""
        self.begun.release()
        assert self.let_go.wait(PATIENCE_SECONDS)
        return "done"


def narrow() -> Lane:
    """A lane with one thread, and one place to wait for it."""
    return Lane("narrow", threads=1, places=1, full="come again")


async def begun(lane: Lane, work: Work) -> asyncio.Future[str]:
    """Work that has a thread."""
    answer = lane.begin(work)
    assert await asyncio.to_thread(work.begun.acquire, timeout=PATIENCE_SECONDS)
    return answer


def test_what_finds_no_place_is_refused_in_words() -> None:
    """One is done, one waits, and a third is refused and asked to come again."""

    async def try_it() -> None:
        lane, work = narrow(), Work()
        answers = [await begun(lane, work), lane.begin(work)]
        with pytest.raises(LaneFull, match="come again"):
            lane.begin(work)
        work.let_go.set()
        assert [await answer for answer in answers] == ["done", "done"]
        assert await lane.begin(work) == "done"

    asyncio.run(try_it())


def test_who_gives_up_leaves_the_place_to_another() -> None:
    """It is never begun then."""

    async def try_it() -> None:
        lane, work, never = narrow(), Work(), Work()
        answer = await begun(lane, work)
        lane.begin(never).cancel()
        await asyncio.sleep(0)
        other = lane.begin(work)
        work.let_go.set()
        assert (await answer, await other) == ("done", "done")
        assert not never.begun.acquire(blocking=False)

    asyncio.run(try_it())


def test_work_that_fails_leaves_its_place() -> None:
    """Whoever asked for it gets its error, too."""

    def fail() -> None:
        raise ZeroDivisionError

    async def try_it() -> None:
        lane = narrow()
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await lane.begin(fail)

    asyncio.run(try_it())


def test_full_lane_takes_nothing_from_the_others() -> None:
    """Previews that stand still leave the threads of pages, scrapes and changes free."""

    async def try_it() -> None:
        lanes, work = Lanes(), Work()
        answers = [lanes.previews.begin(work) for _ in range(12)]
        with pytest.raises(LaneFull, match="Flower is making as many previews as it can at once"):
            lanes.previews.begin(work)
        for each in (lanes.pages, lanes.scrapes, lanes.forms, lanes.changes):
            assert await each.begin(lambda: "read") == "read"
        work.let_go.set()
        assert {await answer for answer in answers} == {"done"}

    asyncio.run(try_it())
