"""Each thing that can be broken is found, named, and has a line on how to mend it."""

import dataclasses
import datetime as dt
import os
import shutil
import socket
import sys
import time
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from appliance import clock, confinement, diagnosis, engines
from appliance.env import read
from appliance.services.folder import claim, note
from appliance.setup import set_up
from compliance.audit import rotation
from compliance.audit.checkpoint import origin_of
from compliance.audit.copies import Places
from compliance.audit.keystore import KeyStore
from compliance.audit.notary import Notary
from compliance.audit.ring import FileRing
from compliance.detection.detector import Detector
from compliance.evidence.paper import certificate
from compliance.models import Content, Event, PolicyVersion
from compliance.vocabulary import Category
from inference.models import Model
from tests.services.appliance import free_port


@pytest.fixture
def environment(database, tmp_path):
    before = os.umask(0o077)
    data = tmp_path / "data"
    claim(data, data / "run").release()
    places = {"DOMICILE_DATA": str(data), "DOMICILE_RUN": str(data / "run")}
    found = read(places | {"DOMICILE_PORT": str(free_port())})
    set_up(found, lambda _line: None)
    note(data, set_up="now")
    yield found
    os.umask(before)


def findings(check, environment):
    found = list(check(environment))
    for finding in found:
        assert (finding.state == "ok") == (finding.mend == ""), finding
    return {finding.name: finding for finding in found}


def wrong(check, environment):
    return [f.text for f in findings(check, environment).values() if f.state == "wrong"]


def test_a_sound_appliance_that_is_stopped_has_nothing_wrong(environment):
    assert [f for f in diagnosis.examine(environment) if f.state == "wrong"] == []


def test_doctor_gets_to_the_end_even_where_there_is_nothing(database, tmp_path):
    nowhere = read({"DOMICILE_DATA": str(tmp_path / "absent"), "DOMICILE_PORT": "1"})
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE compliance_leaf")
    found = list(diagnosis.examine(nowhere))
    assert found[-1].name == "erasures"
    assert any(f.name == "notary" and f.state == "wrong" for f in found)
    assert any(f.name == "data folder" and f.state == "wrong" for f in found)


@pytest.mark.parametrize("name", ["log.ed25519", "gateway.ed25519", "site-home.x25519"])
def test_a_missing_key_is_wrong(environment, name):
    environment.data.joinpath("keys", name).unlink()
    kind = "site-*.x25519" if name.startswith("site") else name
    found = findings(diagnosis._keys, environment)[f"key {kind}"]
    assert found.state == "wrong"


def test_a_key_that_others_may_read_is_wrong(environment):
    environment.data.joinpath("keys", "log.ed25519").chmod(0o644)
    assert "chmod 600" in wrong(diagnosis._keys, environment)[0]


def test_a_half_written_key_is_wrong_and_not_shown(environment):
    path = environment.data / "keys" / "log.ed25519"
    half = path.read_text()[:30]
    path.write_text(half)
    said = wrong(diagnosis._keys, environment)[0]
    assert "64 hex digits" in said
    assert half not in said


def test_a_certificate_of_pdfs_that_ends_or_is_missing_is_told(environment, monkeypatch):
    keys = environment.data / "keys"
    assert findings(diagnosis._certificate, environment)["certificate of PDFs"].state == "ok"
    for days, state in ((30, "warning"), (-1, "wrong")):
        monkeypatch.setattr(certificate, "LIFE", dt.timedelta(days=days))
        keys.joinpath(certificate.CERTIFICATE).unlink()
        certificate.certify(keys, "example.org")
        found = findings(diagnosis._certificate, environment)["certificate of PDFs"]
        assert found.state == state
        assert f"keys rotate {certificate.KEY}" in found.mend
    keys.joinpath(certificate.CERTIFICATE).unlink()
    assert "manage.py setup" in wrong(diagnosis._certificate, environment)[0]


def test_a_node_that_is_to_serve_with_vllm_and_has_none_is_told(environment):
    assert findings(engines.vllm, environment) == {}
    Model.objects.update(engine="vllm")
    without = dataclasses.replace(environment, vllm_python=Path(sys.executable))
    assert "bin/bootstrap vllm" in wrong(engines.vllm, without)[0]


def test_a_rotation_that_was_cut_short_and_a_ring_from_before_it_are_told(environment):
    places = Places(environment.data / "log", environment.checkpoints)
    ring = FileRing(environment.data / "keys")
    before = ring.path.read_bytes()
    assert findings(diagnosis._log_key, environment)["key of the log"].state == "ok"
    ring.prepare()
    found = findings(diagnosis._log_key, environment)["key of the log"]
    assert found.state == "warning"
    assert "before it was recorded" in found.text
    origin = origin_of(environment.organisation, 1)
    rotation.begin(ring, places, origin, actor="anna", reason="Once a year.")
    assert (
        "has not signed with both keys yet"
        in findings(diagnosis._log_key, environment)["key of the log"].text
    )
    notary = Notary(places.log, ring, origin, places.outside)
    while notary.integrate_once():
        pass
    assert findings(diagnosis._log_key, environment)["key of the log"].state == "ok"
    ring.path.write_bytes(before)
    found = findings(diagnosis._log_key, environment)["key of the log"]
    assert "the key here is an older one" in found.text


def test_a_removed_trigger_is_wrong(environment):
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' LIMIT 1")
        name = cursor.fetchone()[0]
        cursor.execute(f"DROP TRIGGER {name}")
    assert name in wrong(diagnosis._database, environment)[0]


def test_a_deployed_model_whose_licence_nobody_accepted_is_told(environment):
    assert [one.state for one in diagnosis._weights(environment)] == ["ok"]
    Model.objects.update(licence_accepted=None)
    found = [(one.name, one.state) for one in diagnosis._weights(environment)]
    assert ("licence of smollm2-135m-instruct", "warning") in found


def test_weights_that_changed_are_wrong(environment):
    Model.objects.update(digest="0" * 64)
    assert "digest" in wrong(diagnosis._weights, environment)[0]


def test_a_policy_that_is_not_one_is_wrong(environment):
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name}")
    PolicyVersion.objects.update(document="{}")
    assert "not the document" in wrong(diagnosis._policy, environment)[0]


def test_rules_that_nothing_can_trigger_are_named(environment, monkeypatch):
    found = findings(diagnosis._policy, environment)["policy"]
    assert "every rule can be enforced" in found.text
    less = frozenset({(Category.PERSONAL, "EMAIL_ADDRESS")})
    monkeypatch.setattr(Detector, "coverage", less)
    found = findings(diagnosis._policy, environment)["policy"]
    assert "special-categories" in found.text


def test_a_taken_port_is_wrong(environment):
    with socket.socket() as other:
        other.bind((environment.host, environment.port))
        other.listen()
        assert "is taken" in wrong(diagnosis._port, environment)[0]


def test_a_disk_below_the_floor_is_wrong(environment, tmp_path):
    free = shutil.disk_usage(tmp_path).free
    full = read(
        {
            "DOMICILE_DATA": str(environment.data),
            "DOMICILE_DISK_FLOOR": str(min(free * 2, 2**50)),
        }
    )
    assert "refused below" in wrong(diagnosis._disk, full)[0]


def test_a_broker_elsewhere_that_does_not_answer_is_wrong(environment):
    away = read(
        {
            "DOMICILE_DATA": str(environment.data),
            "DOMICILE_BROKER_URL": f"redis://127.0.0.1:{free_port()}",
        }
    )
    assert "does not answer" in wrong(diagnosis._broker, away)[0]


def test_an_interrupted_set_up_is_wrong(environment):
    note(environment.data, set_up=None)
    assert "cut short" in wrong(diagnosis._data_folder, environment)[0]


def test_a_keeper_that_died_does_not_count_as_running(environment):
    environment.run.joinpath("keeper.json").write_text('{"pid": 4194304, "processes": {}}')
    assert diagnosis.keeper(environment) is None


def test_the_notarys_lag_is_the_age_of_the_oldest_event_it_lacks(environment):
    from appliance.health import notary_lag  # noqa: PLC0415 - beside its only use

    oldest = Event.objects.order_by("time").first()
    assert oldest is not None
    least = time.time() - oldest.time.timestamp()
    lag = notary_lag()
    assert least - 0.1 <= lag <= time.time() - oldest.time.timestamp() + 0.1


def test_the_clocks_state_is_the_kernels():
    synchronised, error = clock.synchronised()
    assert synchronised in (True, False)
    assert error >= 0


def test_the_layers_of_a_process_that_is_gone_are_unknown_not_absent():
    assert {layer.holds for layer in confinement.of_process(4194304)} <= {None, False}
    assert confinement.of_process(4194304)[0].holds is None


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("sqlite:////var/lib/domicile/db.sqlite3", True),
        ("postgresql://user:x@db.example.org:5432/domicile", False),
        ("postgresql://user:x@%2Frun%2Fpostgresql/domicile", True),
        ("postgresql:///domicile", True),
    ],
)
def test_a_database_is_local_if_no_network_is_needed(tmp_path, url, local):
    environment = read({"DOMICILE_DATA": str(tmp_path), "DOMICILE_DATABASE_URL": url})
    assert confinement.database_is_local(environment) is local


def test_a_vault_that_others_may_open_is_wrong(environment):
    keys = KeyStore(environment.data / "vault")
    keys.key(3, 0)
    assert findings(diagnosis._vault, environment)["vault"].state == "ok"
    (keys.folder / "keys" / "003.0").chmod(0o644)
    (fault,) = wrong(diagnosis._vault, environment)
    assert "003.0 is open to others" in fault


def test_kept_content_without_its_key_is_a_warning(environment):
    KeyStore(environment.data / "vault").key(3, 0)
    Content.objects.create(
        request="0" * 32, part="prompt", bucket=3, generation=1, wrapped=b"", data=b"",
        expires=timezone.now(),
    )  # fmt: skip
    assert findings(diagnosis._vault, environment)["vault"].state == "warning"
