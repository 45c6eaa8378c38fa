"""The set-up, on a real database: whole, repeated, cut short, and over broken folders."""

import hashlib
import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth import get_user_model
from django.db import connection

from appliance.env import read
from appliance.rotation import rotate
from appliance.services.folder import claim
from appliance.setup import SetUpRefused, set_up
from appliance.welcome import Credentials, kept_credentials, write_welcome
from compliance.audit import handover
from compliance.audit.catalogue import unknown
from compliance.audit.handover import Handover
from compliance.audit.keys import read_key
from compliance.evidence.paper import certificate
from compliance.models import (
    APIKey,
    Application,
    Event,
    PolicySignature,
    PolicyVersion,
    Site,
)
from compliance.versions import load
from inference.models import Deployment, Model
from tests.compliance.versions.forging import run, triggers_away
from tests.services.appliance import free_port


@pytest.fixture
def environment(database, tmp_path):
    before = os.umask(0o077)
    data = tmp_path / "data"
    claim(data, data / "run").release()
    yield read({"DOMICILE_DATA": str(data), "DOMICILE_COUNTRY": "at"})
    os.umask(before)


def silent(_line):
    """Progress that no test looks at."""


def made(environment) -> Credentials:
    """The credentials of a set-up."""
    credentials = set_up(environment, silent)
    assert credentials is not None
    return credentials


def types():
    return list(Event.objects.order_by("id").values_list("type", flat=True))


@contextmanager
def failing(table):
    """Whatever is written into `table` fails, as when the power goes at that moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TRIGGER power_cut BEFORE INSERT ON {table}"
            " BEGIN SELECT RAISE(ABORT, 'power cut'); END"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER power_cut")


def test_each_thing_that_is_set_up_is_on_the_record_once(environment):
    credentials = made(environment)
    assert types() == [
        *("site.registered", "node.enrolled", "model.registered", "model.licence_accepted"),
        *(
            "deployment.created",
            "placement.created",
            "policy.activated",
            "roles.set",
            "user.created",
            "application.registered",
            "api_key.issued",
        ),
    ]
    for event in Event.objects.all():
        assert unknown(event.type, json.loads(bytes(event.detail or b""))) == []
    registered = Event.objects.get(type="application.registered")
    label_key = bytes(Application.objects.get().label_key)
    detail = json.loads(bytes(registered.detail or b""))
    assert detail["label_key_sha256"] == hashlib.sha256(label_key).hexdigest()
    assert Site.objects.get().country == "AT"
    assert Deployment.objects.get().model.name == credentials.model
    assert PolicyVersion.objects.get().activated is not None
    admin = get_user_model().objects.get()
    assert admin.check_password(credentials.password)
    assert credentials.api_key.split("_")[1] == APIKey.objects.get().prefix


def test_a_second_set_up_changes_nothing(environment):
    first = made(environment)
    write_welcome(environment.data, first, "http://127.0.0.1:8000")
    keys = {path.name: path.read_bytes() for path in (environment.data / "keys").iterdir()}
    recorded = types()
    assert set_up(environment, silent) == first
    assert types() == recorded
    now = {path.name: path.read_bytes() for path in (environment.data / "keys").iterdir()}
    assert now == keys


def test_an_upgrade_gives_the_shipped_model_the_text_of_its_licence(environment):
    made(environment)
    whole = Model.objects.get()
    Model.objects.update(licence_text="", licence_digest="")
    set_up(environment, silent)
    now = Model.objects.get()
    assert now.licence_text == whole.licence_text != ""
    assert now.licence_digest == whole.licence_digest
    assert types()[-1] == "model.changed"
    set_up(environment, silent)
    assert types().count("model.changed") == 1


TABLES = [
    *(
        "compliance_site",
        "inference_node",
        "inference_model",
        "inference_deployment",
        "inference_placement",
    ),
    *("compliance_policyversion", "auth_user", "compliance_application", "compliance_apikey"),
]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.skipif(
    "postgresql" in os.environ.get("DOMICILE_DATABASE_URL", ""),
    reason="SQLite's trigger syntax",
)
def test_a_set_up_that_was_cut_short_goes_on(environment, table):
    with failing(table), pytest.raises(SetUpRefused, match="power cut"):
        set_up(environment, silent)
    credentials = made(environment)
    assert sorted(types()) == sorted(set(types()))
    assert len(types()) == len(TABLES) + 2  # and the roles and the licence, without a table
    assert get_user_model().objects.get().check_password(credentials.password)
    assert kept_credentials(environment.data) == credentials


def test_a_missing_key_is_named_and_never_replaced(environment):
    set_up(environment, silent)
    key = environment.data / "keys" / "site-home.x25519"
    key.unlink()
    with pytest.raises(SetUpRefused, match=r"site-home\.x25519 is missing"):
        set_up(environment, silent)
    assert not key.exists()


def test_a_key_that_is_not_the_one_on_the_record_is_refused(environment):
    set_up(environment, silent)
    environment.data.joinpath("keys", "node-node-1.ed25519").write_text("11" * 32 + "\n")
    with pytest.raises(SetUpRefused, match="not the one on the record"):
        set_up(environment, silent)


def test_a_log_without_its_database_is_not_begun_anew(environment):
    environment.data.joinpath("log", "checkpoint").write_text("domicile.local/log/1\n7\n")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations")
    with pytest.raises(SetUpRefused, match="database is empty"):
        set_up(environment, silent)


def test_a_database_of_a_newer_version_is_left_alone(environment):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('compliance', '9999_later', '2030-01-01')"
        )
    with pytest.raises(SetUpRefused, match=r"compliance\.9999_later"):
        set_up(environment, silent)


@pytest.mark.parametrize(
    "name",
    [
        "gateway.ed25519",
        "log.mldsa44",
        "site-home.x25519",
        "node-node-1.ed25519",
        "paper.p256",
        "django-secret",
    ],
)
def test_a_rotated_key_is_another_and_on_the_record(environment, name):
    set_up(environment, silent)
    path = environment.data / "keys" / name
    old = path.read_bytes()
    rotate(environment.data, name)
    assert path.read_bytes() != old
    assert types()[-1] == "key.rotated"
    set_up(environment, silent)


def test_a_new_key_for_pdfs_has_a_new_certificate_at_once(environment, settings):
    settings.DOMICILE = environment
    set_up(environment, silent)
    first = certificate.in_use()
    set_up(environment, silent)
    assert certificate.in_use().fingerprint == first.fingerprint
    rotate(environment.data, certificate.KEY)
    second = certificate.in_use()
    assert second.fingerprint != first.fingerprint
    set_up(environment, silent)
    assert certificate.in_use().fingerprint == second.fingerprint
    for name in (certificate.KEY, certificate.CERTIFICATE):  # as of before there was one
        environment.data.joinpath("keys", name).unlink()
    set_up(environment, silent)
    assert certificate.in_use().own


@pytest.mark.parametrize("name", ["gateway.ed25519", "site-home.x25519"])
def test_a_rotation_that_was_cut_short_is_completed(environment, name):
    set_up(environment, silent)
    path = environment.data / "keys" / name
    old = path.read_bytes()
    rotate(environment.data, name)
    new = path.read_bytes()
    path.with_name(f"{name}.next").write_bytes(new)  # as it lay before it took its place
    path.with_name(f"{name}.next").chmod(0o600)
    path.write_bytes(old)
    set_up(environment, silent)
    assert path.read_bytes() == new
    assert not path.with_name(f"{name}.next").exists()


def test_a_rotation_that_was_never_recorded_is_undone(environment):
    set_up(environment, silent)
    path = environment.data / "keys" / "gateway.ed25519"
    old = path.read_bytes()
    path.with_name("gateway.ed25519.next").write_text("22" * 32 + "\n")
    path.with_name("gateway.ed25519.next").chmod(0o600)
    set_up(environment, silent)
    assert path.read_bytes() == old


@pytest.mark.parametrize("name", ["log.ed25519.next", "log.pkcs11.next"])
def test_a_rotation_of_the_logs_key_is_left_to_the_notary(environment, name):
    set_up(environment, silent)
    waiting = environment.data / "keys" / name
    waiting.write_text("22" * 32 + "\n")
    waiting.chmod(0o600)
    set_up(environment, silent)
    assert waiting.exists()


def test_where_the_newest_key_of_the_log_may_be_is_said_in_the_place_of_an_older_one(
    environment,
):
    made(environment)
    old = Ed25519PrivateKey.from_private_bytes(
        read_key(environment.data / "keys" / "log.ed25519")
    )
    new = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    origin = f"{environment.organisation}/log/1"
    line = Handover(1, 1, *handover.make(origin, old, new)).line
    environment.data.joinpath("log").mkdir(exist_ok=True)
    environment.data.joinpath("log", "rotations").write_text(line)
    with pytest.raises(SetUpRefused, match=r"older one.*--rotated log.*an older backup"):
        set_up(environment, silent)


POLICIES = ("compliance_policysignature", "compliance_policydraft", "compliance_policyversion")


def test_an_unsigned_policy_of_an_earlier_release_is_signed_by_a_key_that_is_made_for_it(
    environment, settings
):
    set_up(environment, silent)
    settings.DOMICILE = environment
    triggers_away(*POLICIES)
    run("DELETE FROM compliance_policysignature")
    for name in ("installer.ed25519", "installer.pub"):
        environment.data.joinpath("keys", name).unlink()
    assert load.unsound() == "", "nobody calls an unsigned policy forged before it is signed"
    set_up(environment, silent)
    set_up(environment, silent)
    found = load.standing(keep=True)
    version = PolicyVersion.objects.get()
    assert (found.faults, found.active and found.active.digest) == ((), version.digest)
    assert PolicySignature.objects.get().kind == "policy-installed"
    assert types().count("policy.installed") == 1


def test_the_key_that_the_policy_is_checked_by_is_never_replaced(environment):
    set_up(environment, silent)
    private, public = (
        environment.data / "keys" / name for name in ("installer.ed25519", "installer.pub")
    )
    before = public.read_text()
    private.write_text("22" * 32 + "\n")
    with pytest.raises(SetUpRefused, match="is not the public half"):
        set_up(environment, silent)
    private.unlink()
    set_up(environment, silent)  # it was moved away, and the policy is signed
    triggers_away(*POLICIES)
    for table in POLICIES:
        run(f"DELETE FROM {table}")  # noqa: S608 - names from above
    with pytest.raises(SetUpRefused, match="was moved away"):
        set_up(environment, silent)
    assert public.read_text() == before
    assert not PolicyVersion.objects.exists()
    assert not private.exists()


def test_a_damaged_database_is_a_sentence(tmp_path):
    data = tmp_path / "data"
    claim(data, data / "run").release()
    data.joinpath("db.sqlite3").write_bytes(b"not a database, " * 400)
    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        env={**os.environ, "DOMICILE_DATA": str(data), "DOMICILE_PORT": str(free_port())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "file is not a database" in done.stderr
    assert "Traceback" not in done.stderr
