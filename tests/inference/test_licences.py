"""No model serves before its licence was accepted, nor after that was withdrawn."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from compliance.models import Change, Event
from compliance.policy.default import DEFAULT
from compliance.versions.install import install
from inference import licences
from inference.models import Model
from inference.snapshot import SnapshotKeeper
from tests.compliance.admin import stories

pytestmark = pytest.mark.database


@pytest.fixture
def placement(database):
    made = stories.machines()
    Model.objects.update(licence_accepted=None, licence_digest="1c" * 32)
    Change.objects.all().delete()
    install(DEFAULT)
    made.refresh_from_db()
    return made


def served():
    """What requests may be sent to, and what nodes are told that they may serve."""
    keeper = SnapshotKeeper()
    keeper._refresh()
    snapshot = keeper.current()
    routed = sorted(snapshot.routes.models)
    listed = sorted({name for node in snapshot.nodes.values() for name in node.models})
    assert routed == listed
    return routed


def test_a_model_serves_from_when_its_licence_is_accepted_until_that_is_withdrawn(placement):
    model = placement.model
    assert served() == []
    assert licences.accept(model, "olga", "1c" * 32)
    assert served() == [model.name]
    assert not licences.accept(model, "otto", "1c" * 32)
    model.refresh_from_db()
    assert model.licence_accepted_by == "olga"
    assert licences.withdraw(model, "otto", "It forbids what we do.")
    assert served() == []
    assert not licences.withdraw(model, "otto", "again")
    assert list(
        Event.objects.filter(type__startswith="model.").values_list("type", flat=True)
    ) == [
        "model.licence_accepted",
        "model.licence_withdrawn",
    ]
    assert not Change.objects.exists()


def test_another_text_than_the_one_that_was_shown_is_not_accepted(placement):
    assert not licences.accept(placement.model, "olga", "2d" * 32)
    assert served() == []


def test_what_nobody_can_read_is_not_accepted(placement):
    Model.objects.update(licence_digest="")
    assert not licences.accept(placement.model, "olga", "")
    assert served() == []


def test_an_adapter_serves_only_while_the_licence_of_its_base_is_accepted_too(placement):
    base = placement.model
    adapter = Model.objects.create(
        name=f"{base.name}:claims", kind="adapter", base=base, engine="vllm", digest="ad" * 32,
        size=1, licence="MIT", origin="us", context_length=9, licence_accepted=timezone.now(),
    )  # fmt: skip
    stories.placed(adapter, placement.node)
    assert served() == []
    assert licences.accept(base, "olga", "1c" * 32)
    assert served() == [base.name, adapter.name]
    assert licences.withdraw(adapter, "olga", "no")
    assert served() == [base.name]


def test_what_served_before_an_upgrade_serves_after_it_and_no_change_goes_unrecorded(database):
    call_command("migrate", "inference", "0004", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inference_model (name, engine, digest, size, licence, origin, "
            "context_length, eu_restriction, created) "
            "VALUES ('old', 'llamacpp', 'd', 1, 'MIT', 'us', 9, '', '2026-01-01 00:00:00')"
        )
    Change.objects.all().delete()
    call_command("migrate", "inference", verbosity=0)
    old = Model.objects.get()
    assert (old.licence_accepted_by, old.licence_accepted is None) == ("installer", False)
    assert not Change.objects.exists()
    assert not Model(name="new").licence_accepted_by
