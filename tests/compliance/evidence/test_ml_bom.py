"""The bill of models: valid CycloneDX, true to the log, and honest about what nobody knows."""

import orjson
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from compliance.evidence.packs import answers, ml_bom
from compliance.evidence.packs.law import laws
from compliance.models import Event
from tests.compliance.evidence.filling import WEIGHTS, fields, told

OTHER = "0d" * 32
VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def typed(subject=WEIGHTS, **values):
    answers.answer(laws()["ml-bom"], values, subject, actor="olga")


def bill(files):
    text = files["bom.cdx.json"].decode()
    assert VALIDATOR.validate_str(text) is None
    return orjson.loads(text)


def component(said, digest=WEIGHTS):
    return next(one for one in said["components"] if one["bom-ref"] == f"weights:{digest}")


@pytest.mark.database
def test_a_bill_says_what_the_log_says_and_is_valid(filled, build):
    form, files = build("ml-bom")
    said = bill(files)
    model, found = component(said), fields(form, WEIGHTS)
    assert model["type"] == "machine-learning-model"
    assert model["hashes"] == [{"alg": "SHA-256", "content": WEIGHTS}]
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert model["modelCard"]["considerations"]["useCases"] == [
        "crm: Why crm is there.",
        "mail: Why mail is there.",
    ]
    engines = found["engines"]["value"]
    assert engines.count("llamacpp 1.2 on node") == 2  # the last start of each node
    ran = [one for one in said["components"] if one["type"] == "application"]
    assert [(one["name"], one["version"]) for one in ran] == [("llamacpp", "1.2")]
    (_, begin, _end), *_ = found["model"]["entries"]
    row = Event.objects.get(type="model.registered")
    assert {"name": "domicile:registered:entries", "value": f"1:{begin}"} in model["properties"]
    assert told(row)["digest"] == WEIGHTS
    assert said["dependencies"][0]["dependsOn"] == [f"weights:{WEIGHTS}", "engine:llamacpp 1.2"]


def test_what_nobody_stated_is_unknown_or_absent_and_what_is_typed_stands_in_its_place(
    filled, build
):
    model = component(bill(build("ml-bom")[1]))
    (data,) = model["modelCard"]["modelParameters"]["datasets"]
    assert data["description"] == ml_bom.UNKNOWN
    assert not {"supplier", "pedigree"} & set(model)
    typed(
        datasets="Public web text, see \u202e summary.",
        pedigree="Quantised from 16 bits.",
        supplier="ACME",
        limitations="English only.",
    )
    answers.answer(laws()["ml-bom"], {"maker": "Bank"}, "", actor="olga")
    said = bill(build("ml-bom")[1])
    model = component(said)
    (data,) = model["modelCard"]["modelParameters"]["datasets"]
    assert data["description"].startswith("Public web text")
    assert model["pedigree"] == {"notes": "Quantised from 16 bits."}
    assert model["supplier"] == {"name": "ACME"}
    assert model["modelCard"]["considerations"]["technicalLimitations"] == ["English only."]
    assert said["metadata"]["manufacturer"] == {"name": "Bank"}
    details = [told(one) for one in Event.objects.filter(type="pack.answered")]
    assert {one.get("model_digest") for one in details if one["field"] != "maker"} == {WEIGHTS}
    assert "model_digest" not in next(one for one in details if one["field"] == "maker")


def test_weights_that_no_node_verified_and_a_licence_that_is_no_identifier_are_said_so(
    record, build
):
    about = {"model": "odd", "digest": OTHER, "licence": "Own licence 3", "origin": "house"}
    about |= {"base": "even + prime", "method": "merged"}
    record.told("model.registered", {"actor": "command", **about})
    record.model()  # another, whose engines are not this one's
    record.sign()
    form, files = build("ml-bom")
    found, model = fields(form, OTHER), component(bill(files), OTHER)
    assert found["engines"]["origin"] == "missing"
    assert "No node" in found["engines"]["note"]
    assert "Made from even + prime (merged)" in found["model"]["value"]
    assert model["pedigree"] == {
        "ancestors": [
            {"type": "machine-learning-model", "name": "even"},
            {"type": "machine-learning-model", "name": "prime"},
        ],
        "notes": "merged",
    }
    assert model["licenses"] == [{"license": {"name": "Own licence 3"}}]
    properties = {one["name"]: one["value"] for one in model["properties"]}
    assert properties["domicile:verified-at-start:entries"] == "none"


def test_every_licence_that_is_written_as_an_identifier_is_one_of_the_schema(filled, build):
    said = bill(build("ml-bom")[1])
    model = component(said)
    for licence in ml_bom.SPDX:
        model["licenses"] = [{"license": {"id": licence}}]
        assert VALIDATOR.validate_str(orjson.dumps(said).decode()) is None, licence
    model["licenses"] = [{"license": {"id": "Own licence 3"}}]
    assert VALIDATOR.validate_str(orjson.dumps(said).decode()) is not None


def test_a_pack_without_any_model_is_an_empty_bill_that_is_valid(record, build):
    record.request(record.crm)
    record.sign()
    form, files = build("ml-bom")
    assert bill(files)["components"] == []
    assert [one["title"] for one in form["sections"]] == ["The organisation"]
