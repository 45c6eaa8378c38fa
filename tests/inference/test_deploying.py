"""Deploying by command and by what else a person does; each change with its event."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import time

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from appliance.replicas import placed as doctor
from compliance.audit import catalogue, triggers
from compliance.audit.changes import recorded
from compliance.models import Change, Event, Site
from inference import enrolling
from inference.deploying import Foreman
from inference.inventory import KEY, MODELS_MAX, Held, sign
from inference.models import Deployment, Model, Node, Placement
from inference.placing import Said
from tests.compliance.admin import stories
from tests.inference.test_inventory import told

pytestmark = pytest.mark.database


@pytest.fixture
def home(database, settings, valkey) -> Site:
    """A site with three nodes, none of which has said anything yet."""
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, broker_url=valkey.url)
    with broker(valkey) as client:
        client.flushall()
    first = stories.machines()
    for name in ("node-2", "node-3"):
        Node.objects.create(
            name=name,
            site=first.node.site,
            public_key=stories.NODE_KEY.public_key().public_bytes_raw(),
        )
    Placement.objects.all().delete()
    Deployment.objects.all().delete()
    Change.objects.all().delete()
    return first.node.site


def broker(valkey):
    return redis.Redis.from_url(valkey.url.replace("redis+socket://", "unix://", 1))


@pytest.fixture
def say(valkey):
    """Let a node say that files with these digests lie there."""

    def said(node: str, *digests: str, **more) -> None:
        lying = [
            Held(name=f"model-{number}", state="here", digest=one)
            for number, one in enumerate(digests)
        ]
        inventory = told(node=node, models=lying, engines={}, **more)
        with broker(valkey) as client:
            client.set(KEY + node, sign(inventory, stories.NODE_KEY))

    return said


def model(name: str = "m", **more) -> Model:
    values = {"engine": "llamacpp", "digest": "1" * 64, "size": 1, "context_length": 9}
    return Model.objects.create(name=name, licence_accepted=timezone.now(), **values | more)


def models(*given: str) -> str:
    out = io.StringIO()
    call_command("models", *given, stdout=out)
    return out.getvalue()


def nodes(name: str = "m") -> list[str]:
    rows = Placement.objects.filter(deployment__model__name=name, active=True)
    return list(rows.values_list("node__name", flat=True))


def unspoken() -> bool:
    return Change.objects.filter(table__regex="deployment|placement").exists()


def events() -> list[tuple[str, str]]:
    """Type and node, or model, of what was recorded of deployments; nothing else changed."""
    assert not unspoken(), "each change has its event"
    found = []
    for event in Event.objects.order_by("id"):
        if event.type.split(".")[0] in ("deployment", "placement"):
            detail = json.loads(bytes(event.detail or b""))
            assert catalogue.unknown(event.type, detail) == []
            found.append((event.type, detail.get("node", detail.get("model"))))
    return found


def test_a_deployment_goes_to_nodes_with_the_files_and_says_what_it_lacks(home, say, settings):
    row = model()
    say("node-1")
    say("node-2", row.digest)
    said = models("deploy", "m", "--site", "home", "--replicas", "3")
    assert nodes() == ["node-2", "node-3"], "of the silent one nothing is known"
    assert "node-2, node-3 are to serve m." in said
    assert "2 of 3 replicas placed: no other node of home has the files" in said
    [finding] = doctor(settings.DOMICILE)
    assert "2 of 3 replicas placed: no other node" in finding.text
    say("node-1", row.digest)
    assert "node-1 can take what is missing" in models("show", "m")
    assert nodes() == ["node-2", "node-3"], "nothing moves by itself"
    assert "3 of 3 replicas placed." in models("deploy", "m", "--site", "home")
    before = events()
    assert before == [
        ("deployment.created", "m"),
        ("placement.created", "node-2"),
        ("placement.created", "node-3"),
        ("placement.created", "node-1"),
    ]
    models("deploy", "m", "--site", "home")
    assert events() == before, "again it does nothing"
    assert "node-1, node-2, node-3" in models("list")


def test_fewer_replicas_leave_those_with_the_files_and_none_takes_the_placements(home, say):
    row = model()
    say("node-3", row.digest)
    models("deploy", "m", "--site", "home", "--replicas", "3")
    models("deploy", "m", "--site", "home", "--replicas", "1")
    assert nodes() == ["node-3"]
    assert ("deployment.changed", "m") in events()
    Site.objects.create(name="away", country="AT", public_key=bytes(32))
    with pytest.raises(CommandError, match="not deployed at away; it is at home"):
        models("undeploy", "m", "--site", "away")
    models("undeploy", "m", "--site", "home")
    assert not Deployment.objects.exists()
    assert events()[-1] == ("deployment.removed", "m")


def test_a_node_that_a_person_names_serves_it_beside_the_others_without_the_files(home, say):
    row = model()
    say("node-1", row.digest)
    say("node-2")
    models("deploy", "m", "--site", "home")
    models("deploy", "m", "--node", "node-2")
    assert nodes() == ["node-1", "node-2"]
    assert Deployment.objects.get().replicas == 2
    models("deploy", "m", "--node", "node-1", "--replicas", "2")
    assert Placement.objects.filter(pinned=True).count() == 2
    assert events()[-1] == ("placement.pinned", "node-1")
    for wrong, words in (
        (("--node", "node-9"), "No node 'node-9'"),
        (("--site", "mars"), "No site 'mars'"),
        (("--site", "home", "--replicas", "0"), "between 1 and"),
    ):
        with pytest.raises(CommandError, match=words):
            models("deploy", "m", *wrong)


def test_a_model_moves_to_the_node_that_is_named_though_a_person_had_chosen_the_other(
    home, say
):
    row = model()
    say("node-1", row.digest)
    models("deploy", "m", "--node", "node-1")
    models("deploy", "m", "--node", "node-2", "--replicas", "1")
    assert nodes() == ["node-2"]
    models("deploy", "m", "--node", "node-1")
    models("deploy", "m", "--node", "node-2", "--replicas", "1")
    assert nodes() == ["node-2"], "it was pinned there already"
    assert events()[-1] == ("placement.removed", "node-1")


def test_a_node_that_a_person_keeps_from_a_model_is_kept_from_it_and_that_is_told(home):
    model()
    models("deploy", "m", "--node", "node-1")
    Placement.objects.update(active=False, pinned=False)
    Node.objects.exclude(name="node-1").delete()
    Change.objects.all().delete()
    before = events()
    said = models("deploy", "m", "--node", "node-1")
    assert "A person keeps node-1 from m; activate its placement in the console." in said
    assert "0 of 1 replica placed: home has no other node, and a person keeps node-1" in said
    assert (nodes(), events()) == ([], before)


def test_what_a_closed_node_served_goes_elsewhere_only_once_a_person_acts(home, say, settings):
    row = model()
    for name in ("node-1", "node-2"):
        say(name, row.digest)
    models("deploy", "m", "--site", "home")
    assert nodes() == ["node-1"]
    first = Node.objects.filter(name="node-1")
    first.update(closed=timezone.now(), closed_reason="It got out.")
    assert nodes() == ["node-1"]
    [finding] = doctor(settings.DOMICILE)
    assert finding.text == "1 of 1 replica placed; node-1 is closed or switched off."
    assert finding.state == "warning"
    models("deploy", "m", "--site", "home", "--replicas", "2")
    assert nodes() == ["node-2", "node-3"]
    say("node-3", "2" * 64)
    said = models("show", "m")
    assert "2 of 2 replicas placed; node-3 says that its files are not there." in said
    say("node-3", row.digest)
    assert "2 of 2 replicas placed." in models("show", "m")
    models("deploy", "m", "--site", "home", "--replicas", "3")
    assert nodes() == ["node-2", "node-3"]
    assert enrolling.reopen(first.get(), "op", "It was mended.")
    assert nodes() == ["node-1", "node-2", "node-3"], "it takes what was missing"
    assert events()[-1] == ("placement.created", "node-1")


def test_an_adapter_follows_its_base(home, say):
    base = model()
    law = model("m:law", kind="adapter", base=base, digest="2" * 64)
    say("node-1", base.digest, law.digest)
    say("node-2", base.digest, law.digest)
    say("node-3")
    told = models("deploy", "m:law", "--site", "home", "--replicas", "2")
    assert "0 of 2 replicas placed: no node of home serves the model" in told
    models("deploy", "m", "--site", "home")
    assert nodes() == nodes("m:law") == ["node-1"]
    models("undeploy", "m", "--site", "home")
    assert nodes("m:law") == []
    assert events()[-1] == ("placement.removed", "node-1")


def test_a_model_that_fits_no_gpu_beside_another_is_not_placed_there(home, say):
    row = model("large", engine="vllm", size=60 * 2**30)
    other = model("other", engine="vllm", size=60 * 2**30, digest="2" * 64)
    for name in ("node-1", "node-2", "node-3"):
        say(name, row.digest, other.digest)  # one GPU of 80 GB each
    models("deploy", "large", "--site", "home", "--replicas", "2")
    told = models("deploy", "other", "--site", "home", "--replicas", "2")
    assert (nodes("large"), nodes("other")) == (["node-1", "node-2"], ["node-3"])
    assert "1 of 2 replicas placed: no other node of home that has the files has room" in told
    row.deployments.update(active=False)
    models("deploy", "other", "--site", "home")
    assert nodes("other") == ["node-1", "node-3"], "what is deactivated takes no room"


def test_what_is_played_back_unsigned_or_cut_short_says_nothing_of_the_files(home, say, valkey):
    row = model()
    say("node-1", time=time.time_ns() // 1000 - 600 * 10**6)
    with broker(valkey) as client:
        client.set(KEY + "node-2", b"not signed")
    say("node-3", *(f"{number:064x}" for number in range(2, MODELS_MAX + 2)))
    models("deploy", "m", "--site", "home", "--replicas", "3")
    assert nodes() == ["node-1", "node-2", "node-3"]
    assert row.deployments.get().placements.filter(pinned=False).count() == 3


def test_without_a_broker_nothing_that_is_placed_moves(home, say, settings):
    row = model()
    say("node-2", row.digest)
    models("deploy", "m", "--site", "home")
    url = "redis+socket:///nowhere/broker.sock"
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, broker_url=url)
    models("deploy", "m", "--site", "home")
    assert nodes() == ["node-2"]


def test_a_failure_leaves_neither_a_deployment_nor_its_event(home):
    foreman, row = Foreman(home, "op", "command"), model()
    with contextlib.suppress(KeyError), recorded():
        foreman.deploy(row, 2)
        raise KeyError
    assert not Deployment.objects.exists()
    assert events() == []


def test_an_upgrade_gathers_what_was_deployed_node_by_node_and_changes_no_server(database):
    call_command("migrate", "inference", "0007", verbosity=0)
    _old_rows()
    Change.objects.all().delete()
    call_command("migrate", "inference", verbosity=0)
    assert {
        str(one): (one.replicas, one.queue_limit, one.active)
        for one in Deployment.objects.all()
    } == {
        "m at home": (2, 300, True),
        "m at south": (1, 256, True),
        "n at home": (1, 256, False),
        "o at home": (1, 256, True),
    }
    before = {str(one): one.active for one in Placement.objects.all()}
    assert before == {
        "m on node-1": True,
        "m on node-2": True,
        "m on node-3": True,
        "n on node-1": True,
        "o on node-1": True,
        "o on node-2": False,
    }
    assert Placement.objects.filter(pinned=True).count() == 6
    assert not unspoken(), "an upgrade alarms nobody"
    assert triggers.missing() == []
    beside = Said(files=frozenset({Model.objects.get(name="n").digest}), memory=2**40)
    foreman = Foreman(Site.objects.get(name="home"), "op", "command", {"node-2": beside})
    with recorded():
        foreman.again()
    assert {str(one): one.active for one in Placement.objects.all()} == before
    assert not Placement.serving().filter(deployment__model__name="n").exists()
    Deployment.objects.update(replicas=3)
    assert unspoken(), "what others change is noted"
    with recorded():
        foreman.again()
    assert nodes("n") == ["node-1", "node-2"], "it could have gone there"


def _old_rows() -> None:
    """Three models on three nodes at two sites, as they were before."""
    now = timezone.now()
    state = MigrationExecutor(connection).loader.project_state(("inference", "0007_machine"))
    old = state.apps.get_model("inference", "Deployment").objects
    nodes = state.apps.get_model("inference", "Node").objects
    kinds = state.apps.get_model("inference", "Model").objects
    sites = state.apps.get_model("compliance", "Site").objects
    home, south = (
        sites.create(name=name, country="DE", public_key=bytes(32))
        for name in ("home", "south")
    )
    one, two, three = (
        nodes.create(name=f"node-{number}", site=site, public_key=bytes(32))
        for number, site in enumerate((home, home, south), 1)
    )
    m, n, o = (
        kinds.create(name=name, engine="e", size=1, context_length=9, licence_accepted=now)
        for name in ("m", "n", "o")
    )
    old.create(model=m, node=one, queue_limit=10)
    old.create(model=m, node=two, queue_limit=300)
    old.create(model=m, node=three)
    old.create(model=n, node=one, active=False)
    old.create(model=o, node=one)
    old.create(model=o, node=two, active=False)
