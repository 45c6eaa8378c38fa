"""What a policy may know of the sites that serve a model, from what is stored."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from compliance.audit import ledger
from compliance.models import Site, Witness
from compliance.vocabulary import Candidate
from inference import snapshot
from inference.models import Model, Node
from inference.serving import publisher, servings
from tests.compliance.admin import stories

pytestmark = pytest.mark.database
EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


def micro(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


@pytest.fixture
def model(database) -> Model:
    """Two sites; one of them with two nodes."""
    made = stories.machines().model
    Site.objects.update(operator="Rechenhaus", certifications=["C5", "ISO 27001"])
    south = Site.objects.create(name="south", country="AT", public_key=b"s" * 32)
    for name, site in (("node-2", Site.objects.get(name="home")), ("south-1", south)):
        node = Node.objects.create(name=name, site=site, public_key=b"k" * 32)
        stories.placed(made, node)
    return made


def candidates() -> dict[str, Candidate]:
    found = servings(snapshot._placements())["smollm2-135m-instruct"].candidates
    assert [one.site for one in found] == sorted(one.site for one in found)
    return {one.site: one for one in found}


def test_a_site_is_told_with_who_runs_it_and_what_it_is_certified_for(model):
    home = candidates()["home"]
    assert (home.country, home.operator) == ("DE", "Rechenhaus")
    assert home.certifications == {"C5", "ISO 27001"}
    assert (home.attested, home.witnessed) == (None, None)


def test_a_site_proved_itself_when_its_oldest_node_did(model):
    Node.objects.filter(name="node-1").update(attested=LATE)
    assert candidates()["home"].attested is None, "one of its nodes never proved it"
    Node.objects.filter(name="node-2").update(attested=EARLY)
    assert candidates()["home"].attested == micro(EARLY)
    Node.objects.filter(name="node-2").update(closed=LATE)
    assert candidates()["home"].attested == micro(LATE), "a closed node gets no requests"
    Node.objects.filter(site__name="south").update(closed=LATE)
    assert candidates().keys() == {"home"}


def test_a_site_is_witnessed_when_a_witness_that_stands_there_last_signed(model):
    home = Site.objects.get(name="home")
    for name, moment in (("one", EARLY), ("two", LATE), ("three", None)):
        Witness.objects.create(name=name, verifier_key=name, site=home, cosigned=moment)
    Witness.objects.create(name="elsewhere", verifier_key="e", cosigned=LATE)
    found = candidates()
    assert (found["home"].witnessed, found["south"].witnessed) == (micro(LATE), None)
    two = Witness.objects.filter(name="two")
    two.update(conflict_generation=ledger.current().number)
    assert candidates()["home"].witnessed == micro(EARLY), "one that contradicts is none"
    two.update(conflict_generation=ledger.current().number + 1)
    assert candidates()["home"].witnessed == micro(LATE), "that was of another generation"
    Witness.objects.update(active=False)
    assert candidates()["home"].witnessed is None


def test_a_model_is_told_with_its_licence_its_publisher_and_what_restricts_it(model):
    serving = servings(snapshot._placements())[model.name]
    assert (serving.licence, serving.publisher) == ("Apache-2.0", "HuggingFaceTB")
    assert not serving.restricted
    Model.objects.update(eu_restriction="Not for use in the EU.")
    assert servings(snapshot._placements())[model.name].restricted
    model.origin = "HuggingFaceTB/SmolLM2-135M-Instruct, GGUF Q4_1"
    assert publisher(model) == "HuggingFaceTB"


def test_an_adapter_is_told_with_the_licence_and_the_publisher_of_its_base(model):
    adapter = Model.objects.create(
        name=f"{model.name}:claims", kind="adapter", base=model, engine="vllm",
        digest="ad" * 32, size=1, licence="MIT", origin="us/claims", context_length=9,
        licence_accepted=timezone.now(),
    )  # fmt: skip
    stories.placed(adapter, Node.objects.get(name="node-1"))
    serving = servings(snapshot._placements())[adapter.name]
    assert (serving.licence, serving.publisher) == ("Apache-2.0", "HuggingFaceTB")
    assert not serving.restricted
    Model.objects.filter(pk=model.pk).update(eu_restriction="Not for use in the EU.")
    assert servings(snapshot._placements())[adapter.name].restricted


@pytest.mark.parametrize(
    ("manifest", "reasons"),
    [
        ("", False),
        ('{"options": {"max_model_len": 2048}, "name": "x"}', False),
        ('{"options": {"reasoning_parser": "qwen3"}}', True),
        ("no manifest at all", True),
    ],
)
def test_a_model_and_its_adapters_may_reason_where_the_engine_looks_for_it(
    model, manifest, reasons
):
    Model.objects.update(manifest=manifest)
    law = Model.objects.get(pk=model.pk)
    law.pk, law.name, law.kind, law.manifest = None, f"{model.name}:law", "adapter", ""
    law.base = model
    law.save()
    node = Node.objects.get(name="south-1")
    stories.placed(law, node)
    told = servings(snapshot._placements())
    assert [told[name].reasons for name in (model.name, law.name)] == [reasons] * 2
