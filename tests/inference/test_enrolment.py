"""A machine becomes a node by a token, keys that it proves, and an operator's approval."""

from __future__ import annotations

import contextlib
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.db import connection
from django.utils import timezone

from compliance.models import Change, Event, Site
from inference import enrolling, enrolment
from inference.enrolment import EnrolmentRefused, Request, Token, ask, read_answer, read_token
from inference.models import Model, Node, NodeEnrolment, Placement
from tests.compliance.admin import stories

pytestmark = pytest.mark.database
GATEWAY = Ed25519PrivateKey.generate()
PUBLIC = GATEWAY.public_key().public_bytes_raw()


class Machine:
    """Its keys, and requests with them."""

    def __init__(self, site_key: X25519PrivateKey | None = None, node: str = "node-9") -> None:
        self.node = node
        self.node_key = Ed25519PrivateKey.generate()
        self.site_key = site_key or X25519PrivateKey.generate()

    def request(self, token: Token, **changes: Any) -> Request:
        values: dict[str, Any] = {
            "secret": token.secret.hex(),
            "site": token.site,
            "node": self.node,
            "model": "smollm2-135m-instruct",
            "node_key": self.node_key.public_key().public_bytes_raw().hex(),
            "site_key": self.site_key.public_key().public_bytes_raw().hex(),
            "time": 1,
        }
        return Request(**values | changes)

    def asks(self, token: Token, **changes: Any) -> bytes:
        return ask(self.request(token, **changes), token, self.node_key, self.site_key)


@pytest.fixture
def site(database) -> Site:
    return Site.objects.create(name="south", country="AT")


def invite(site: Site) -> Token:
    return read_token(enrolling.invite(site, "op", PUBLIC)[1])


def refused(said: bytes) -> str:
    with pytest.raises(EnrolmentRefused) as caught:
        enrolling.request(said)
    return caught.value.reason


def kinds() -> list[str]:
    return list(Event.objects.order_by("id").values_list("type", flat=True))


def test_a_machine_is_a_node_only_once_it_is_approved_and_the_site_gets_its_key(site):
    token, machine = invite(site), Machine()
    assert (token.site, token.first) == ("south", True)
    row = enrolling.request(machine.asks(token))
    assert not Node.objects.exists()
    assert not bytes(Site.objects.get().public_key)
    node = enrolling.approve(row, "op")
    assert (node.name, node.site) == ("node-9", site)
    assert bytes(node.public_key) == machine.node_key.public_key().public_bytes_raw()
    site.refresh_from_db()
    assert bytes(site.public_key) == machine.site_key.public_key().public_bytes_raw()
    row = enrolling.request(machine.asks(token))
    answer = read_answer(enrolling.answer(row, GATEWAY), token)
    assert (answer.node, answer.site, answer.gateway_key) == ("node-9", "south", PUBLIC.hex())
    assert kinds() == [
        "enrolment.opened",
        "enrolment.requested",
        "site.keyed",
        "node.enrolled",
    ]
    changed = Change.objects.exclude(table="compliance_site", verb="INSERT")  # the fixture's
    assert not changed.exists(), "each change has its event"


def test_a_node_serves_its_model_where_that_is_registered(database):
    stories.machines()
    home = Site.objects.get()
    token, machine = invite(home), Machine(stories.SITE_KEY)
    assert not token.first
    enrolling.approve(enrolling.request(machine.asks(token)), "op")
    made = Placement.objects.get(node__name="node-9")
    assert (made.model, made.pinned) == (Model.objects.get(), True)
    assert made.deployment.replicas == 2, "the other node serves it as before"
    assert "placement.created" in kinds()


def test_a_token_serves_one_machine_and_only_it_may_ask_again(site):
    token, machine = invite(site), Machine()
    first = enrolling.request(machine.asks(token))
    assert enrolling.request(machine.asks(token)) == first
    assert refused(Machine().asks(token)) == "used_token"
    assert refused(machine.asks(token, node="another")) == "used_token"
    enrolling.approve(first, "op")
    assert refused(Machine().asks(token)) == "used_token"


def test_of_two_machines_with_one_token_at_once_one_waits(site):
    token = invite(site)
    machines = [Machine(node=f"node-{n}") for n in range(4)]
    ready, outcomes = threading.Barrier(len(machines)), []

    def ask_now(machine: Machine) -> None:
        ready.wait()
        try:
            outcomes.append(enrolling.request(machine.asks(token)).node)
        except EnrolmentRefused as refusal:
            outcomes.append(refusal.reason)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask_now, args=[each]) for each in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = NodeEnrolment.objects.get(state="waiting").node
    assert sorted(outcomes) == sorted([winner, *["used_token"] * 3])


def test_a_token_that_is_old_unknown_or_taken_back_is_worth_nothing(site):
    old, back, machine = invite(site), invite(site), Machine()
    NodeEnrolment.objects.filter(token=old.digest).update(
        expires=timezone.now() - timedelta(seconds=1)
    )
    enrolling.withdraw(NodeEnrolment.objects.get(token=back.digest), "op")
    other, _ = enrolment.new_token("south", first=True, gateway_key=PUBLIC)
    assert refused(machine.asks(old)) == "expired_token"
    assert refused(machine.asks(back)) == "unknown_token"
    assert refused(machine.asks(other)) == "unknown_token"


def test_keys_that_the_machine_does_not_hold_are_refused(site):
    token, machine, other = invite(site), Machine(), Machine()
    request = machine.request(token)
    assert refused(ask(request, token, other.node_key, machine.site_key)) == "bad_signature"
    assert refused(ask(request, token, machine.node_key, other.site_key)) == "bad_signature"
    changed = json.loads(machine.asks(token))
    changed["request"]["node"] = "node-8"
    assert refused(json.dumps(changed).encode()) == "bad_signature"
    weak = machine.asks(token, site_key="00" * 32)
    assert refused(weak) == "bad_signature"
    assert NodeEnrolment.objects.get().state == "open"


@pytest.mark.parametrize(
    "said", [b"", b"{}", b"[]", b"\xff", b"x" * 5000, b'{"request": {}, "signature": ""}']
)
def test_what_is_no_request_is_refused(site, said):
    assert refused(said) == "malformed"


@pytest.mark.parametrize("name", ["", "Node", "a b", "../x", "x" * 65, "-x", "node\n"])
def test_a_name_that_cannot_be_a_nodes_is_refused(site, name):
    token, machine = invite(site), Machine()
    assert refused(machine.asks(token, node=name)) == "malformed"


def test_names_keys_and_sites_that_are_in_the_way_are_refused(site):
    stories.machines()
    token = invite(site)
    assert refused(Machine(node="node-1").asks(token)) == "name_exists"
    copied = Machine()
    copied.node_key = stories.NODE_KEY
    assert refused(copied.asks(token)) == "key_exists"
    assert refused(Machine().asks(token, site="home")) == "other_site"
    at_home = invite(Site.objects.get(name="home"))
    assert refused(Machine().asks(at_home)) == "other_site_key"
    machine = Machine()
    enrolling.request(machine.asks(token))
    assert refused(Machine(node=machine.node).asks(invite(site))) == "name_exists"


def test_of_two_first_machines_with_different_keys_one_can_be_approved(site):
    first = enrolling.request(Machine(node="node-8").asks(invite(site)))
    second = enrolling.request(Machine(node="node-9").asks(invite(site)))
    enrolling.approve(first, "op")
    with pytest.raises(EnrolmentRefused, match="another key"):
        enrolling.approve(second, "op")
    assert Node.objects.count() == 1
    assert NodeEnrolment.objects.get(pk=second.pk).state == "waiting"


def test_of_two_first_machines_approved_at_once_one_gives_the_site_its_key(site, monkeypatch):
    machines = [Machine(node=f"node-{n}") for n in range(2)]
    rows = [enrolling.request(machine.asks(invite(site))) for machine in machines]
    both, outcomes, checked = threading.Barrier(2), [], enrolling._fresh

    def meet(name: str, key: bytes) -> None:
        checked(name, key)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.5)  # here both had looked at the site; now one waits for the other

    def approve(row: NodeEnrolment) -> None:
        try:
            outcomes.append(enrolling.approve(row, "op").name)
        except EnrolmentRefused as refusal:
            outcomes.append(refusal.reason)
        finally:
            connection.close()

    monkeypatch.setattr(enrolling, "_fresh", meet)
    threads = [threading.Thread(target=approve, args=[row]) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (node,) = Node.objects.all()
    assert sorted(outcomes) == [node.name, "other_site_key"]
    site.refresh_from_db()
    (mine,) = [machine for machine in machines if machine.node == node.name]
    assert bytes(site.public_key) == mine.site_key.public_key().public_bytes_raw()


def test_a_decision_is_made_once(site):
    token, machine = invite(site), Machine()
    row = enrolling.request(machine.asks(token))
    enrolling.decline(row, "op", "Not ours.")
    for act in (
        lambda: enrolling.approve(row, "op"),
        lambda: enrolling.decline(row, "op", "x"),
        lambda: enrolling.withdraw(row, "op"),
    ):
        with pytest.raises(EnrolmentRefused, match="meanwhile"):
            act()
    again = enrolling.request(machine.asks(token))
    with pytest.raises(EnrolmentRefused, match="Not ours"):
        enrolling.answer(again, GATEWAY)
    assert not Node.objects.exists()


def test_an_answer_of_another_gateway_is_not_believed(site):
    token, machine = invite(site), Machine()
    row = enrolling.request(machine.asks(token))
    enrolling.approve(row, "op")
    row.refresh_from_db()
    with pytest.raises(EnrolmentRefused, match="not signed by the gateway"):
        read_answer(enrolling.answer(row, Ed25519PrivateKey.generate()), token)
    changed = json.loads(enrolling.answer(row, GATEWAY))
    changed["answer"]["node"] = "node-1"
    with pytest.raises(EnrolmentRefused, match="no answer"):
        read_answer(json.dumps(changed).encode(), token)


@pytest.mark.parametrize(
    "text", ["", "dom-enrol.south", "dom-enrol.south.AAAA", "dom_x", "dom-enrol.So.uth.x" * 9]
)
def test_what_is_no_token_is_refused(text):
    with pytest.raises(EnrolmentRefused, match="no token"):
        read_token(text)


def test_only_a_digest_of_the_token_is_stored(site):
    row, text = enrolling.invite(site, "op", PUBLIC)
    secret = read_token(text).secret
    for value in NodeEnrolment.objects.values_list().get(pk=row.pk):
        stored = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        assert secret not in stored
        assert secret.hex().encode() not in stored


def test_a_closed_node_is_opened_again_with_a_reason_on_the_record(database):
    stories.machines()
    node = Node.objects.get()
    assert not enrolling.reopen(node, "op", "It was open.")
    Node.objects.update(closed=timezone.now(), closed_reason="It reached 192.0.2.1.")
    assert enrolling.reopen(node, "op", "The firewall is back.")
    assert not enrolling.reopen(node, "op", "Twice.")
    node.refresh_from_db()
    assert (node.closed, node.closed_reason) == (None, "")
    [event] = Event.objects.filter(type="node.opened")
    assert json.loads(bytes(event.detail or b""))["reason"] == "The firewall is back."
