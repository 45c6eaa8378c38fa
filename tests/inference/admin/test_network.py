"""The overview says of each node whether anything can leave it."""

from __future__ import annotations

import time

import pytest
from django.urls import reverse
from django.utils import timezone

from inference.canary_reports import recorded
from inference.models import Canary, Node
from tests.compliance.admin import stories
from tests.inference.test_canary_reports import escaped, said


@pytest.fixture
def machines(console):
    stories.machines()
    console.as_("Operator")
    return console


def panel(client) -> str:
    text = client.get(reverse("admin:index")).content.decode()
    _, _, rest = text.partition("Whether anything can leave the active nodes")
    return str(rest.partition("</section>")[0])


def test_a_node_whose_canary_said_nothing_is_no_confined_one(machines):
    text = panel(machines)
    assert "nothing said" in text
    assert "is its worker running?" in text


def test_a_confined_node_is_shown_with_what_holds_it_and_its_last_proof(machines):
    recorded(said())
    text = panel(machines)
    assert ">confined<" in text
    assert "no device but loopback" in text
    assert text.count("UTC") == 2
    assert 'class="note' not in text


def test_a_confined_node_that_fell_silent_is_not_called_confined(machines):
    recorded(said())
    Canary.objects.update(time=(time.time() - 7_200) * 1_000_000)
    assert "no news" in panel(machines)


def test_a_node_that_is_not_confined_is_told_with_the_way_out(machines):
    recorded(
        said(verdict="unconfined", layers=(), tries=(), words="a way out: 0.0.0.0/0 on eth0")
    )
    text = panel(machines)
    assert "not confined" in text
    assert "0.0.0.0/0 on eth0" in text


def test_a_node_that_got_out_is_closed_and_the_overview_says_what_to_do(machines):
    recorded(escaped())
    text = panel(machines)
    assert ">closed<" in text
    assert "shut it and opened the node again" in text


def test_a_node_that_is_switched_off_is_not_shown(machines):
    Node.objects.update(active=False, closed=timezone.now())
    assert panel(machines) == ""
