"""Clients beside each other, bulk beside interactive work, what is half done beside what is new: nobody is starved."""

from __future__ import annotations

import pytest

from service.engine.rate import PRIOR_TOKENS_PER_S
from service.engine.scheduler import INTERACTIVE_PER_BULK, SURE_SHARE, Scheduler
from service.engine.segment import Client, Priority, Standing
from service.errors import EngineOverloadedError
from tests.unit.service.engine.fakes import make_segment
from tests.unit.service.engine.scheduling import make_scheduler, room_for

INTERACTIVE, BULK = Priority.INTERACTIVE, Priority.BULK


def test_one_who_floods_the_queue_does_not_make_others_late() -> None:
    scheduler, _ = make_scheduler(segments=1000, tokens=100_000)
    flood, other = Client("flood"), Client("other")
    scheduler.submit([make_segment(*[1] * 40)] * 500, INTERACTIVE, client=flood)
    with pytest.raises(EngineOverloadedError):
        scheduler.submit([make_segment(1)], INTERACTIVE, deadline_s=10.0, client=flood)
    enough_s = (80 + 120 + 40) / PRIOR_TOKENS_PER_S / SURE_SHARE + 0.01  # its own, the flood's meanwhile, the third
    for _ in range(3):
        scheduler.submit([make_segment(*[1] * 40)], INTERACTIVE, deadline_s=enough_s, client=other)
    with pytest.raises(EngineOverloadedError, match="241 source tokens"):
        scheduler.submit([make_segment(1)], INTERACTIVE, deadline_s=1.0, client=other)


def served(scheduler: Scheduler, count: int) -> list[str]:
    """Whose segments come next, one at a time."""
    return [scheduler.take(room_for(1))[0].client.name for _ in range(count)]


def test_a_bulk_user_does_not_starve_one_who_comes_later() -> None:
    scheduler, _ = make_scheduler()
    scheduler.submit([make_segment(1, 2)] * 30, INTERACTIVE, client=Client("many"))
    assert served(scheduler, 10) == ["many"] * 10
    scheduler.submit([make_segment(3, 4)] * 3, INTERACTIVE, client=Client("few"))
    assert served(scheduler, 6).count("few") == 3


def test_shares_are_counted_in_tokens_and_follow_the_weights() -> None:
    scheduler, _ = make_scheduler(segments=1000)
    scheduler.submit([make_segment(*[1] * 8)] * 40, INTERACTIVE, client=Client("long"))
    scheduler.submit([make_segment(2, 2)] * 100, INTERACTIVE, client=Client("short"))
    first = served(scheduler, 50)
    assert (first.count("long"), first.count("short")) == (10, 40)
    scheduler, _ = make_scheduler()
    scheduler.submit([make_segment(1)] * 40, INTERACTIVE, client=Client("light"))
    scheduler.submit([make_segment(2)] * 40, INTERACTIVE, client=Client("heavy", weight=3.0))
    assert served(scheduler, 40).count("heavy") == 30


def test_nobody_saves_up_a_claim_by_staying_away() -> None:
    scheduler, _ = make_scheduler()
    scheduler.submit([make_segment(1)] * 60, INTERACTIVE, client=Client("steady"))
    served(scheduler, 40)
    scheduler.submit([make_segment(2)] * 20, INTERACTIVE, client=Client("idle until now"))
    assert served(scheduler, 20).count("steady") == 10


def test_bulk_gets_a_small_share_while_interactive_work_goes_on() -> None:
    scheduler, _ = make_scheduler(segments=1000)
    bulk = scheduler.submit([make_segment(1, 2, 3)] * 10, BULK)
    scheduler.submit([make_segment(4, 5, 6)] * 90, INTERACTIVE)
    order = [scheduler.take(room_for(1))[0].entry_id for _ in range(90)]
    assert order.index(bulk[0]) == INTERACTIVE_PER_BULK
    assert len(set(order) & set(bulk)) == 10


def test_one_client_leaves_a_quarter_of_the_queue_to_others() -> None:
    scheduler, _ = make_scheduler(segments=8)
    for number in range(6):
        scheduler.submit([make_segment(number + 1)], INTERACTIVE, client=Client("many"))
    with pytest.raises(EngineOverloadedError, match="three quarters"):
        scheduler.submit([make_segment(9)], INTERACTIVE, client=Client("many"))
    scheduler.submit([make_segment(9)], INTERACTIVE, client=Client("other"))


def test_what_was_begun_is_not_refused_and_what_is_done_again_goes_first() -> None:
    scheduler, _ = make_scheduler(segments=4)
    many, other = Client("many"), Client("other")
    new = scheduler.submit([make_segment(1)] * 3, INTERACTIVE, client=many)
    scheduler.submit([make_segment(2)], INTERACTIVE, client=other)
    for client in (many, other):
        with pytest.raises(EngineOverloadedError):
            scheduler.submit([make_segment(3)], INTERACTIVE, client=client)
    rest = scheduler.submit([make_segment(4)], INTERACTIVE, 0.001, client=many, standing=Standing.UNDERWAY)
    again = [
        *scheduler.submit([make_segment(5)] * 2, INTERACTIVE, 0.001, client=many, standing=Standing.AGAIN),
        *scheduler.submit([make_segment(6)], INTERACTIVE, 0.001, client=other, standing=Standing.AGAIN),
    ]
    order = [entry.entry_id for entry in scheduler.take(room_for(100))]
    assert order[:3] == again, "in the order in which they came, whoever's they are"
    assert [entry_id for entry_id in order[3:] if entry_id in (*new, *rest)] == [*new, *rest]


def test_what_is_done_again_is_put_down_to_its_client() -> None:
    scheduler, _ = make_scheduler()
    scheduler.submit([make_segment(1)] * 10, INTERACTIVE, client=Client("twice"))
    scheduler.submit([make_segment(2)] * 10, INTERACTIVE, client=Client("once"))
    scheduler.submit([make_segment(3)] * 4, INTERACTIVE, client=Client("twice"), standing=Standing.AGAIN)
    assert served(scheduler, 4) == ["twice"] * 4
    assert served(scheduler, 4) == ["once"] * 4
    assert served(scheduler, 8).count("once") == 4


def test_new_work_is_reckoned_at_the_rate_at_which_new_work_is_done() -> None:
    scheduler, clock = make_scheduler(segments=1000, tokens=100_000)
    for _ in range(200):  # in each second 100 new tokens, and as many once more
        entries = scheduler.submit([make_segment(*[1] * 10)] * 10, INTERACTIVE)
        entries += scheduler.submit([make_segment(*[1] * 10)] * 10, INTERACTIVE, standing=Standing.AGAIN)
        scheduler.take(room_for(100))
        clock.now_s += 1
        for entry_id in entries:
            scheduler.finish(entry_id)
        scheduler.note_progress()
    scheduler.submit([make_segment(*[1] * 10)] * 40, INTERACTIVE)
    assert scheduler.retry_after_s(INTERACTIVE) == pytest.approx(4.0, rel=0.05)
