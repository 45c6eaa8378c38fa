"""Whose turn it is: laws that hold whatever comes, waits, is given up and ends."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.engines.base import EngineFailed, Load
from inference.presence import GROWTH, room
from inference.turnstile import AT_A_TIME, BATCH_EVERY, Need, Space, Turn, Turnstile

APPLICATIONS = ("a", "b", "c")
UNTOLD = Need(read=1, most=None)


@dataclass
class Stand:
    """A turnstile, and who has had a turn, in order."""

    capacity: int
    began: list[Turn] = field(default_factory=list)
    waiting: list[Turn] = field(default_factory=list)
    running: list[Turn] = field(default_factory=list)
    up: bool = True
    away: list[EngineFailed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.turnstile = Turnstile(self.capacity, lambda: self.up)

    def ask(
        self, share: str, *, batch: bool = False, weight: int = 1, need: Need = UNTOLD
    ) -> Turn:
        came: list[None] = []
        asked: list[Turn] = []

        def begin() -> None:
            came.append(None)
            assert len(came) == 1, "a turn begins once"
            if asked:
                self._begins(asked[0])

        turn = self.turnstile.ask(
            share,
            batch=batch,
            weight=weight,
            begin=begin,
            send_away=self.away.append,
            need=need,
        )
        asked.append(turn)
        self.waiting.append(turn)
        if came:
            self._begins(turn)
        return turn

    def _begins(self, turn: Turn) -> None:
        self.waiting.remove(turn)
        self.running.append(turn)
        self.began.append(turn)

    def end(self, turn: Turn) -> None:
        (self.running if turn in self.running else self.waiting).remove(turn)
        self.turnstile.leave(turn)

    def shares(self) -> list[str]:
        return [turn.share for turn in self.began]


requests = st.tuples(
    st.sampled_from(APPLICATIONS), st.booleans(), st.integers(min_value=1, max_value=6)
)
steps = st.lists(
    st.one_of(
        requests.map(lambda asked: ("ask", asked)),
        st.integers(0, 30).map(lambda number: ("end", number)),
        st.integers(0, 30).map(lambda number: ("give up", number)),
        st.one_of(st.none(), st.integers(0, 9)).map(lambda slots: ("limit", slots)),
        st.booleans().map(lambda up: ("up", up)),
    ),
    max_size=60,
)


@given(st.integers(min_value=1, max_value=9), steps)
def test_there_are_never_more_turns_than_slots_and_none_is_lost(capacity, told):
    stand = Stand(capacity)
    for what, given_ in told:
        had = len(stand.began)
        if what == "ask":
            share, batch, weight = given_
            stand.ask(share, batch=batch, weight=weight)
        elif what == "limit":
            stand.turnstile.limit(given_)
        elif what == "up":
            stand.up = given_
            stand.turnstile.look()
        else:
            among = stand.running if what == "end" else stand.waiting
            if among:
                stand.end(among[given_ % len(among)])
        weights = sum(turn.weight for turn in stand.running)
        assert stand.turnstile.running == weights <= capacity
        assert stand.turnstile.waiting == len(stand.waiting)
        if stand.up:
            assert stand.running or not stand.waiting, "a free engine leaves nobody waiting"
        else:
            assert len(stand.began) == had, "what is down is given nothing"
    stand.turnstile.limit(None)
    stand.up = True
    stand.turnstile.look()
    left = len(stand.running) + len(stand.waiting)
    for _ in range(left):
        stand.end(stand.running[0])
    assert not stand.running
    assert not stand.waiting
    assert (stand.turnstile.running, stand.turnstile.waiting) == (0, 0)


@given(
    st.integers(min_value=1, max_value=6),
    st.lists(st.sampled_from("aaaaaabc"), min_size=1, max_size=60),
    st.data(),
)
def test_no_application_gets_another_turn_while_one_with_fewer_waits(capacity, asked, data):
    """Whoever is given a turn has, at that moment, the fewest among those that wait."""
    stand = Stand(capacity)
    for share in asked:
        stand.ask(share)
    while stand.waiting:
        before = Counter(turn.share for turn in stand.running)
        ended = data.draw(st.sampled_from(stand.running))
        before[ended.share] -= 1
        waited = {turn.share for turn in stand.waiting}
        had = len(stand.began)
        stand.end(ended)
        (given_,) = stand.began[had:]
        assert before[given_.share] == min(before[share] for share in waited)


@given(st.integers(1, 4), st.integers(2, 3), st.integers(1, 40))
def test_no_application_starves_however_much_another_sends(capacity, applications, flood):
    """One with a single request waits for no more turns than there are others and slots."""
    stand = Stand(capacity)
    for _ in range(flood + capacity):
        stand.ask("flood")
    others = APPLICATIONS[: applications - 1]
    late = [stand.ask(share) for share in others]
    had = len(stand.began)
    for _ in range(len(late)):
        stand.ask("flood")
        stand.end(stand.running[0])
    assert {turn.share for turn in stand.began[had:]} == set(others)


def test_applications_that_wait_take_turns_at_an_engine_of_one_slot():
    stand = Stand(1)
    for share in "aaaabbcc":
        stand.ask(share)
    for _ in range(8):
        stand.end(stand.running[0])
    assert "".join(stand.shares()) == "abcabcaa"


def test_requests_of_one_application_go_in_the_order_in_which_they_came():
    stand = Stand(1)
    asked = [stand.ask("a") for _ in range(6)]
    while stand.running:
        stand.end(stand.running[0])
    assert stand.began == asked


@given(st.lists(st.tuples(st.sampled_from(APPLICATIONS), st.booleans()), max_size=40))
def test_no_batch_goes_before_an_interactive_request_save_each_sixteenth(asked):
    stand = Stand(1)
    stand.ask("first")
    for share, batch in asked:
        stand.ask(share, batch=batch)
    since = 0
    while stand.running:
        had = len(stand.began)
        interactive = any(not turn.batch for turn in stand.waiting)
        behind = any(turn.batch for turn in stand.waiting)
        stand.end(stand.running[0])
        if (began := stand.began[had:]) and interactive:
            assert began[0].batch == (behind and since >= BATCH_EVERY - 1)
            since = 0 if began[0].batch else since + behind


def test_a_batch_gets_on_though_interactive_requests_never_end():
    stand = Stand(1)
    stand.ask("a")
    waits = stand.ask("b", batch=True)
    for _ in range(BATCH_EVERY):
        stand.ask("a")
        stand.end(stand.running[0])
    assert waits in stand.began


def test_batches_leave_a_slot_free_for_who_comes_next():
    stand = Stand(8)
    for _ in range(20):
        stand.ask("a", batch=True)
    assert len(stand.running) == 7
    assert stand.ask("b") in stand.running
    alone = Stand(1)
    assert alone.ask("a", batch=True) in alone.running, "where there is one slot only"


def test_a_request_of_many_choices_is_not_overtaken_until_it_fits():
    stand = Stand(4)
    small = [stand.ask("a") for _ in range(4)]
    large = stand.ask("b", weight=4)
    after = stand.ask("c")
    for turn in small[:3]:
        stand.end(turn)
        assert {large, after}.isdisjoint(stand.running)
    stand.end(small[3])
    assert stand.running == [large]
    stand.end(large)
    assert stand.running == [after]


def test_a_request_of_more_choices_than_slots_takes_all_of_them():
    stand = Stand(2)
    assert stand.ask("a", weight=8) in stand.running
    assert stand.turnstile.running == 2


def test_within_a_limit_turns_are_given_and_beyond_it_only_one_that_would_be_alone():
    stand = Stand(4)
    running = stand.ask("a")
    stand.turnstile.limit(0)
    waits = [stand.ask(share) for share in "abcd"]
    assert stand.running == [running]
    stand.end(running)
    assert len(stand.running) == 1
    assert stand.running[0] in waits
    for slots, running_then in ((2, 2), (3, 3), (3, 3), (None, 4)):
        stand.turnstile.limit(slots)
        assert len(stand.running) == running_then
        assert stand.turnstile.short.is_set() == (running_then < 4)
    assert stand.turnstile.ended == 1


def test_what_certainly_finds_room_waits_for_no_limit():
    stand, short = Stand(64), Need(read=300, most=500)
    stand.turnstile.limit(1, Space(tokens=4_000, context=1_000))
    running = [stand.ask("a", need=short) for _ in range(7)]
    assert stand.running == running
    unknown = stand.ask("a", need=Need(read=100, most=None))
    assert unknown not in stand.running, "it may become 1,000 tokens, and 500 are left"
    assert stand.turnstile.short.is_set()
    stand.end(running[0])
    assert unknown in stand.running
    last = stand.ask("a", need=short)
    assert last not in stand.running
    stand.end(unknown)
    assert last in stand.running
    stand.turnstile.limit(1)
    assert stand.ask("a", need=short) not in stand.running, "nothing is known any more"


def test_a_batch_waits_within_the_limit_though_it_would_find_room():
    stand, short = Stand(64), Need(read=10, most=20)
    stand.turnstile.limit(1, Space(tokens=10_000, context=1_000))
    first = stand.ask("a", batch=True, need=short)
    waits = stand.ask("a", batch=True, need=short)
    assert stand.running == [first]
    assert stand.ask("b", need=short) in stand.running
    assert waits in stand.waiting


def test_no_more_prompts_pass_the_limit_at_a_time_than_are_soon_read():
    stand, space = Stand(64), Space(tokens=10**6, context=10**5)
    long = Need(read=AT_A_TIME // 2, most=AT_A_TIME)
    stand.turnstile.limit(1, space)
    for _ in range(6):
        stand.ask("a", need=long)
    for running in (2, 4, 6):
        assert len(stand.running) == running
        stand.turnstile.limit(1, space)


@dataclass
class Engine:
    """One whose cache holds `fits` answers, each of 30 s: first come, first served."""

    fits: int
    queue: deque[str] = field(default_factory=deque)
    running: dict[str, float] = field(default_factory=dict)  # until when

    def work(self, now: float) -> list[str]:
        """Which have ended."""
        ended = [name for name, until in self.running.items() if until <= now]
        for name in ended:
            del self.running[name]
        while self.queue and len(self.running) < self.fits:
            self.running[self.queue.popleft()] = now + 30
        return ended

    def load(self) -> Load:
        return Load(len(self.running), len(self.queue), len(self.running) / self.fits)


def test_a_batch_that_came_to_an_idle_engine_leaves_an_interactive_request_the_next_room():
    """An engine of 256 slots whose cache is short; looks come ten times a second."""
    engine, turnstile = Engine(20), Turnstile(256)
    turns: dict[str, Turn] = {}

    def ask(name: str, batch: bool) -> None:
        def begin() -> None:
            engine.queue.append(name)

        turns[name] = turnstile.ask(
            name[0], batch=batch, weight=1, begin=begin, send_away=refused.append
        )

    refused: list[EngineFailed] = []
    turnstile.limit(room(None, 0))
    for number in range(240):
        ask(f"batch {number}", batch=True)
    assert len(engine.queue) == GROWTH
    ended = most = 0
    for tenth in range(3000):
        if tenth == 10:
            ask("chat", batch=False)
        for name in engine.work(tenth / 10):
            turnstile.leave(turns[name])
        most = max(most, len(engine.running))
        if "chat" in engine.running:
            break
        turnstile.limit(room(engine.load(), turnstile.ended - ended))
        ended = turnstile.ended
    assert tenth <= 302, "it began when the first of the others had ended"
    assert most >= 18, "and what room there was had been used"


async def test_whoever_is_sent_away_is_told_so_and_leaves_no_trace():
    turnstile = Turnstile(1)

    async def one() -> None:
        async with turnstile.turn("a", batch=False):
            pytest.fail("it had no turn")

    async with turnstile.turn("b", batch=False):
        waiting = [asyncio.create_task(one()) for _ in range(3)]
        await asyncio.sleep(0)
        turnstile.send_away("The engine is not up.")
        turnstile.send_away("The engine is still not up.")
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [(type(one), str(one)) for one in results] == [
        (EngineFailed, "The engine is not up.")
    ] * 3
    assert (turnstile.running, turnstile.waiting) == (0, 0)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from(APPLICATIONS), st.integers(0, 3)), max_size=20),
    st.sets(st.integers(0, 19)),
)
def test_whoever_is_cancelled_leaves_no_trace_wherever_it_stands(asked, cancelled):
    """Before its turn came, in the moment in which it came, or while it ran."""

    async def run() -> None:
        turnstile = Turnstile(2)
        most = 0

        async def one(share: str, pauses: int) -> None:
            nonlocal most
            async with turnstile.turn(share, batch=False):
                most = max(most, turnstile.running)
                for _ in range(pauses):
                    await asyncio.sleep(0)

        tasks = [asyncio.create_task(one(*each)) for each in asked]
        for number, task in enumerate(tasks):
            await asyncio.sleep(0)
            if number in cancelled:
                task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(r is None or isinstance(r, asyncio.CancelledError) for r in results)
        assert most <= 2
        assert (turnstile.running, turnstile.waiting) == (0, 0)

    asyncio.run(run())
