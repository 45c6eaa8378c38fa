"""Who may wait at a place, and when whoever may not should come again."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.waiting import AGAIN_MOST, SENT_AWAY, WAIT_MOST, Queue, Room

APPLICATIONS = ("a", "b", "c", "d")


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def come(queue: Queue, application: str, room: Room, *, batch: bool = False) -> bool:
    """Whether one more of `application` was let in."""
    if queue.surplus(application, room, batch=batch):
        return False
    queue.enter(application)
    return True


def flood(queue: Queue, application: str, room: Room, **more: bool) -> int:
    """As many as are let in."""
    count = 0
    while come(queue, application, room, **more):
        count += 1
    return count


rooms = st.builds(Room, st.integers(1, 20), st.integers(0, 64))
comings = st.lists(
    st.tuples(st.sampled_from(APPLICATIONS), st.booleans(), st.integers(0, 3)), max_size=150
)


@given(rooms, comings)
def test_no_more_wait_than_may_and_whoever_fits_is_let_in(room, told):
    queue = Queue(Clock())
    for application, batch, leaves in told:
        before = queue.total
        came = come(queue, application, room, batch=batch)
        assert came or before >= room.at_once, "there was room"
        assert queue.total <= room.at_once + room.waiting
        if batch and came:
            assert before - room.at_once < max(room.waiting / 2, 0.5)
        if leaves == 0 and queue.held[application]:
            queue.leave(application)
    for application in APPLICATIONS:
        for _ in range(queue.held[application]):
            queue.leave(application)
    assert not queue.held


@given(rooms, comings, st.sampled_from(APPLICATIONS), st.booleans())
def test_it_is_told_how_many_must_leave_first(room, told, application, batch):
    """When so many of the others, or of its own, have left, it is let in, and not before."""
    queue = Queue(Clock())
    for each, _, _ in told:
        come(queue, each, room)
    surplus = queue.surplus(application, room, batch=batch)
    if not room.waiting:
        return
    for _ in range(surplus):
        others = [one for one in queue.held if one != application]
        assert queue.surplus(application, room, batch=batch)
        queue.leave(others[0] if others else application)
    assert come(queue, application, room, batch=batch)


def test_one_application_alone_leaves_a_quarter_for_who_comes_next():
    queue, room = Queue(Clock()), Room(at_once=4, waiting=64)
    assert flood(queue, "a", room) == 4 + 48
    assert come(queue, "b", room)


@given(st.integers(2, 4), st.integers(1, 16))
def test_applications_that_send_without_end_come_to_have_the_same(number, at_once):
    """The first has filled the queue; whenever one of it leaves, all try for the place."""
    queue, room = Queue(Clock()), Room(at_once, 64)
    flood(queue, "a", room)
    sending = APPLICATIONS[:number]
    for turn in range(64 * number):
        queue.leave(max(queue.held, key=queue.held.__getitem__))
        for application in (*sending[turn % number :], *sending[: turn % number]):
            flood(queue, application, room)
    have = [queue.held[one] for one in sending]
    assert max(have) - min(have) <= 2
    assert sum(have) >= at_once + 64 * 3 / 4


def test_an_application_that_comes_late_never_starves():
    """The flood takes every place that it gets; the late one is let in at its first try."""
    queue, room = Queue(Clock()), Room(at_once=2, waiting=8)
    flood(queue, "a", room)
    for _ in range(100):
        assert come(queue, "b", room)
        flood(queue, "a", room)
        queue.leave("b")
        queue.leave("a")
        flood(queue, "a", room)


def test_what_an_application_has_of_its_share_of_the_slots_does_not_count_as_waiting():
    """Of 16 slots 8 are its own where two ask; it may wait for what it has not."""
    queue, room = Queue(Clock()), Room(at_once=16, waiting=16)
    for _ in range(6):
        queue.enter("a")
    flood(queue, "b", room)
    assert flood(queue, "a", room) >= 4


def test_an_application_that_waits_for_nothing_takes_nothing_from_who_does():
    """One request that runs leaves three quarters of the queue to the other all the same."""
    queue, room = Queue(Clock()), Room(at_once=256, waiting=64)
    queue.enter("b")
    assert flood(queue, "a", room) == 255 + 48


def test_a_batch_waits_in_one_half_of_the_queue_only():
    queue, room = Queue(Clock()), Room(at_once=4, waiting=64)
    assert flood(queue, "a", room, batch=True) == 4 + 32
    assert not come(queue, "b", room, batch=True)
    assert come(queue, "b", room)


def test_where_nothing_may_wait_only_what_fits_is_let_in():
    queue, room = Queue(Clock()), Room(at_once=3, waiting=0)
    assert flood(queue, "a", room) == 3
    assert queue.surplus("b", room, batch=False)


def busy(clock: Clock, room: Room, seconds: float) -> Queue:
    """A queue that is full, from which one left each `seconds`."""
    queue = Queue(clock)
    flood(queue, "a", room)
    for _ in range(20):
        clock.now += seconds
        queue.leave("a")
        come(queue, "a", room)
    return queue


def test_when_to_come_again_is_told_from_the_pace_and_from_who_was_told_before():
    clock, room = Clock(), Room(at_once=2, waiting=16)
    queue = busy(clock, room, 3.0)
    surplus = queue.surplus("a", room, batch=False)
    assert surplus == 1
    assert [queue.again(surplus) for _ in range(3)] == [3.0, 6.0, 9.0]
    clock.now += 7.0
    assert queue.again(surplus) == pytest.approx(2 * 3.0, rel=0.2), "one is still to come"


def test_of_a_flood_that_is_turned_away_no_more_is_remembered_than_changes_an_answer():
    clock, room = Clock(), Room(at_once=2, waiting=16)
    queue = busy(clock, room, 3.0)
    for _ in range(5000):
        queue.again(1)
    assert len(queue._sent_away) == SENT_AWAY
    assert queue.again(1) == AGAIN_MOST
    clock.now += AGAIN_MOST
    assert queue.again(1) < AGAIN_MOST, "they should have come by now"
    assert len(queue._sent_away) == 1


def test_nobody_is_told_to_come_at_once_or_much_later():
    clock, room = Clock(), Room(at_once=2, waiting=16)
    assert busy(clock, room, 0.001).again(1) == 1.0
    assert busy(clock, room, 1000.0).again(5) == AGAIN_MOST
    assert Queue(clock).again(5) == 1.0, "where nothing is known of the pace"


def test_who_would_wait_too_long_is_turned_away_though_the_queue_is_not_full():
    clock, room = Clock(), Room(at_once=2, waiting=100)
    queue = busy(clock, room, 60.0)
    for _ in range(len([*queue.held.elements()]) - 2):
        queue.leave("a", ended=False)
    assert flood(queue, "b", room) == WAIT_MOST / 60.0


def test_a_time_in_which_nobody_came_is_no_slow_pace():
    """Pace is what leaves while others wait; a queue at rest says nothing of it."""
    clock, room = Clock(), Room(at_once=2, waiting=16)
    queue = busy(clock, room, 1.0)
    for _ in range(len([*queue.held.elements()])):
        queue.leave("a")
    queue.enter("a")
    clock.now += 100_000.0
    queue.leave("a")
    assert flood(queue, "a", room) == 2 + 12
    assert queue.again(1) == pytest.approx(1.0, rel=0.5)


def test_one_that_goes_to_another_place_does_not_count_as_answered():
    clock, room = Clock(), Room(at_once=1, waiting=16)
    queue = busy(clock, room, 5.0)
    for _ in range(10):
        queue.leave("a", ended=False)
        queue.enter("a")
    assert queue.again(2) == pytest.approx(10.0)
