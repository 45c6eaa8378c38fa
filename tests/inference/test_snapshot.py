"""The snapshot follows the database within a second, and is not believed without it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import timezone

from compliance.models import APIKey, Application, PolicyVersion, Site
from compliance.policy.default import DEFAULT
from compliance.policy.rules import Retention, canonical, policy
from compliance.versions.install import ensure_key, install
from compliance.vocabulary import Category
from inference import snapshot
from inference.models import Deployment, Model, Node, Placement
from inference.posting import listed
from inference.snapshot import SnapshotKeeper, SnapshotStale
from tests.compliance.admin import stories
from tests.services.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.database


def unsigned(document: str, digest: str | None = None) -> PolicyVersion:
    return PolicyVersion.objects.create(
        number=PolicyVersion.objects.count() + 1,
        document=document,
        digest=digest or hashlib.sha256(document.encode()).hexdigest(),
        activated=timezone.now(),
    )


@pytest.fixture
def keeper(database, settings, monkeypatch) -> Iterator[SnapshotKeeper]:
    """One that a busy machine may pause for long before what it holds counts as stale."""
    monkeypatch.setattr(snapshot, "STALE_AFTER", PATIENCE)
    ensure_key(settings.DOMICILE.data / "keys")
    keeper = SnapshotKeeper(processes=2)
    yield keeper
    keeper.stop()


def application(name: str = "demo") -> Application:
    return Application.objects.create(
        name=name, purpose="Tests", legal_basis="6-1-f", ropa_reference="T", owner="tests"
    )


def deploy(queue_limit: int = 10) -> Placement:
    site = Site.objects.create(name="home", country="DE", public_key=bytes(32))
    node = Node.objects.create(name="node-1", site=site, public_key=b"k" * 32)
    model = Model.objects.create(
        name="m",
        engine="e",
        digest="0" * 64,
        size=1,
        licence="MIT",
        origin="us",
        context_length=9,
        licence_accepted=timezone.now(),
    )
    return stories.placed(model, node, queue_limit=queue_limit)


def test_without_an_active_policy_it_says_what_can_be_done(keeper):
    keeper.start()
    with pytest.raises(SnapshotStale, match="restore the database from your backup"):
        keeper.current()


def test_it_holds_what_is_stored(keeper):
    install(DEFAULT)
    deploy()
    key, _ = APIKey.issue(application(), expires=timezone.now())
    keeper.start()
    current = keeper.current()
    assert current.policy == DEFAULT
    assert current.keys[key.prefix].digest == key.digest
    assert current.applications[current.keys[key.prefix].application].name == "demo"
    (berth,) = current.routes.berths["m"]
    assert (berth.place.site, berth.place.queue) == ("home", "inference.home.m")
    assert (berth.nodes, berth.limit) == ({"node-1"}, 5)
    assert current.routes.models["m"].context_length == 9
    assert current.nodes["node-1"].public_key == b"k" * 32


@pytest.mark.parametrize("off", ["deployment", "placement", "node", "closed", "site"])
def test_a_node_may_serve_a_model_only_while_nothing_on_the_way_is_switched_off(keeper, off):
    install(DEFAULT)
    placement = deploy()
    other = Node.objects.create(
        name="node-2", site=placement.node.site, public_key=b"l" * 32, attested=None
    )
    stories.placed(placement.model, other)
    if off == "deployment":
        Deployment.objects.update(active=False)
    elif off == "placement":
        Placement.objects.filter(node=other).update(active=False)
    elif off == "node":
        Node.objects.filter(pk=other.pk).update(active=False)
    elif off == "closed":
        Node.objects.filter(pk=other.pk).update(closed=timezone.now())
    else:
        Site.objects.update(active=False)
    keeper.start()
    current = keeper.current()
    whole = off in ("deployment", "site")
    left = {} if whole else {"node-1": {"m": placement.model.digest}}
    assert listed(current, 0).nodes == left
    accepted = {name for name, node in current.nodes.items() if "m" in node.models}
    assert accepted == set(left), "whose receipts count"
    assert set(current.enrolled) == {"node-1", "node-2"}, "whose refusals count"


def test_changes_arrive_within_a_second_also_by_raw_sql(keeper):
    assert snapshot.POLL_INTERVAL < 0.5  # where nothing else keeps the machine busy
    install(DEFAULT)
    placement = deploy()
    key, _ = APIKey.issue(application())
    keeper.start()
    before = keeper.current()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE compliance_apikey SET revoked = CURRENT_TIMESTAMP WHERE prefix = %s",
            [key.prefix],
        )
    wait_until(lambda: keeper.current().keys[key.prefix].revoked, "the key is revoked")
    Placement.objects.filter(id=placement.id).update(active=False)
    wait_until(lambda: "m" not in keeper.current().routes.models, "the model is gone")
    Node.objects.update(active=False)
    wait_until(lambda: not keeper.current().nodes, "the node is gone")
    assert not before.keys[key.prefix].revoked, "a snapshot that was taken never changes"


def test_unchanged_it_is_the_same_object_confirmed_again_and_again(keeper, monkeypatch):
    install(DEFAULT)
    keeper.start()
    first = keeper.current()
    monkeypatch.setattr(snapshot, "STALE_AFTER", 0.5)
    time.sleep(0.6)
    wait_until(lambda: not stale(keeper), "it is confirmed")
    monkeypatch.setattr(snapshot, "STALE_AFTER", PATIENCE)
    assert keeper.current() is first


@pytest.mark.parametrize("wrong", ["none", "digest", "not a policy", "signatures"])
def test_without_a_sound_active_policy_nothing_runs(keeper, wrong):
    if wrong == "digest":
        unsigned(canonical(DEFAULT).decode(), "0" * 64)
    elif wrong == "not a policy":
        unsigned("{}")
    elif wrong == "signatures":
        unsigned(canonical(DEFAULT).decode())
    keeper.start()
    with pytest.raises(SnapshotStale, match="policy version"):
        keeper.current()


def test_a_database_that_does_not_answer_makes_it_stale(keeper, monkeypatch):
    install(DEFAULT)
    keeper.start()
    keeper.current()
    monkeypatch.setattr(snapshot, "STALE_AFTER", 1.0)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE compliance_revision RENAME TO hidden")
    wait_until(lambda: stale(keeper), "it counts as stale")
    with pytest.raises(SnapshotStale, match="cannot be confirmed"):
        keeper.current()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hidden RENAME TO compliance_revision")
    wait_until(lambda: not stale(keeper), "it is confirmed again")


def stale(keeper: SnapshotKeeper) -> bool:
    try:
        keeper.current()
    except SnapshotStale:
        return True
    return False


@pytest.mark.parametrize(("bound", "kept"), [(None, 9), (5, 5), (0, 0), (20, 9)])
def test_the_shorter_period_of_application_and_policy_is_what_requests_run_on(
    keeper, bound, kept
):
    made = policy("house", 1, DEFAULT.rules, Retention(content_days=bound))
    install(made)
    owner = application()
    Application.objects.filter(pk=owner.pk).update(content_days=9)
    keeper.start()
    assert keeper.current().applications[str(owner.pk)].content_days == kept


def test_what_its_owner_said_of_an_application_is_known_to_the_gate(keeper):
    install(DEFAULT)
    row = application("clinic")
    Application.objects.filter(pk=row.pk).update(
        data_categories=["special", "personal"], subject_countries=["DE", "AT"], high_risk=True
    )
    keeper.start()
    known = keeper.current().applications[str(row.pk)]
    assert known.declared == {Category.SPECIAL, Category.PERSONAL}
    assert known.subject_countries == {"DE", "AT"}
    assert (known.owner, known.high_risk) == ("tests", True)
