"""The queue before the detectors, and their memory."""

import asyncio
from dataclasses import replace

import pytest

from compliance.detection.processes.examined import Examined, with_pieces
from compliance.detection.processes.jobs import TOGETHER, Job, Jobs, TooMany
from compliance.detection.processes.memory import Memory
from compliance.vocabulary import Category, Finding, Scan


@pytest.fixture
def job():
    loop = asyncio.new_event_loop()

    def made(size=10, version="1", own=(), *, alone=False):
        one = Job({b"key": "x" * size}, 1.0, version, own, loop.create_future())
        one.alone = alone
        return one

    yield made
    loop.close()


def taken(jobs, takers=1):
    first = asyncio.run(jobs.take())
    return [first, *jobs.more(first, takers)]


def queue(*waiting, jobs=100, characters=10_000_000):
    made = Jobs(jobs, characters)
    for one in waiting:
        made.put(one)
    return made


def test_what_waits_is_given_together_in_its_order(job):
    waiting = [job() for _ in range(5)]
    assert taken(queue(*waiting)) == waiting


def test_each_taker_gets_its_share_of_what_waits(job):
    waiting = [job() for _ in range(7)]
    jobs = queue(*waiting)
    assert taken(jobs, takers=3) == waiting[:3]
    assert taken(jobs, takers=3) == waiting[3:5]


@pytest.mark.parametrize(
    "odd", [{"size": TOGETHER}, {"version": "2"}, {"alone": True}], ids=str
)
def test_what_is_long_or_of_another_version_or_failed_goes_alone(job, odd):
    other = job(**odd)
    waiting = [job(), other, job()]
    jobs = queue(*waiting)
    assert taken(jobs) == waiting[:1]
    assert taken(jobs)[0] is other


def test_more_jobs_or_characters_than_may_wait_are_refused(job):
    jobs = queue(job(), job(), jobs=2)
    with pytest.raises(TooMany):
        jobs.put(job())
    jobs = queue(job(600), characters=1_000)
    with pytest.raises(TooMany):
        jobs.put(job(600))
    taken(jobs)
    jobs.put(job(5_000))  # as long as a request may be, and nobody waits


def test_a_job_that_is_put_back_goes_first(job):
    jobs = queue(job(), job())
    first = asyncio.run(jobs.take())
    jobs.put_back(first)
    assert taken(jobs)[0] is first
    assert jobs.clear() == []


# --- Memory ---


def examined(findings=0):
    one = Finding(0, 0, 3, "PERSON", Category.PERSONAL, 0.9, "names")
    return Examined((one,) * findings, names_unchecked=False, languages=frozenset())


def test_memory_forgets_what_was_not_asked_for_longest_and_counts_findings():
    memory = Memory(10)
    memory.follow("1")
    for key in (b"a", b"b", b"c"):
        memory.put(key, examined(2), "1")
    assert memory.known([b"a"], "1")
    memory.put(b"d", examined(), "1")
    assert memory.known([b"b", b"c"], "1").keys() == {b"b", b"c"}
    memory.put(b"e", examined(5), "1")
    assert memory.known([b"a", b"b", b"c", b"d", b"e"], "1").keys() == {b"c", b"e"}
    memory.put(b"e", examined(8), "1")
    assert len(memory) == 1


def test_memory_dies_with_the_version_and_takes_nothing_from_an_older_one():
    memory = Memory(10)
    memory.follow("1")
    memory.put(b"a", examined(), "1")
    assert memory.known([b"a"], "2") == {}
    memory.follow("2")
    assert len(memory) == 0
    memory.put(b"a", examined(), "1")
    assert memory.known([b"a"], "2") == {}


def test_keys_differ_between_memories():
    assert Memory(1).key("Angela Schmidt") != Memory(1).key("Angela Schmidt")


# --- Pieces of values that go over from one text to another ---


def test_a_piece_that_overlaps_a_finding_becomes_one_with_it():
    def one(segment, start, end, entity, score):
        return Finding(segment, start, end, entity, Category.PERSONAL, score, "r")

    known = Scan((one(0, 2, 6, "PHONE", 0.5), one(1, 0, 3, "PERSON", 0.8)))
    pieces = [one(0, 4, 9, "IBAN", 0.9), one(1, 5, 7, "IBAN", 0.9)]
    assert with_pieces(known, pieces).findings == (
        one(0, 2, 9, "IBAN", 0.9),
        one(1, 0, 3, "PERSON", 0.8),
        one(1, 5, 7, "IBAN", 0.9),
    )
    assert with_pieces(known, []) is known


def test_a_piece_of_a_persons_number_is_not_taken_for_a_date_that_is_surer():
    date = Finding(0, 2, 12, "DATE_TIME", Category.INDIRECT, 0.95, "names")
    piece = Finding(0, 6, 15, "DE_TAX_ID", Category.PERSONAL, 0.85, "de_tax_id")
    assert with_pieces(Scan((date,)), [piece]).findings == (replace(date, end=6), piece)
