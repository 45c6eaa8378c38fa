"""Ids of requests: what they tell, and what they do not."""

import re
from itertools import pairwise

from inference.api.request_ids import GROUP, RequestIds


class Clock:
    now = 1_790_000_000.25

    def __call__(self):
        return self.now


def test_an_id_begins_with_its_second_and_no_two_are_the_same():
    clock = Clock()
    ids = RequestIds(clock)
    made = [ids.new() for _ in range(1_000)]
    assert len(set(made)) == 1_000
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in made)
    assert {int(one[:8], 16) for one in made} == {1_790_000_000}
    clock.now += 1
    assert ids.new()[:10] == f"{1_790_000_001:08x}00"


def test_ids_of_a_second_rise_by_groups_so_that_new_ones_lie_side_by_side_in_an_index():
    ids = RequestIds(Clock())
    groups = [[ids.new() for _ in range(GROUP)] for _ in range(300)]
    assert all(max(one) < min(other) for one, other in pairwise(groups[:256]))
    assert {one[8:10] for group in groups[255:] for one in group} == {"ff"}


def test_the_first_requests_of_a_second_do_not_tell_a_caller_how_many_others_there_were():
    for before in (0, 1, GROUP - 1):
        ids = RequestIds(Clock())
        for _ in range(before):
            ids.new()
        assert ids.new()[8:10] == "00"
