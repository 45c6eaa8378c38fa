"""Web processes as the appliance runs them, on a broker and a database of their own.

The node that answers is the test's (see `node`); everything between the caller's socket and
that node's queue is the product.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import openai
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.inference.api.node import MODEL, NODE_KEY, SITE_KEY, WEIGHTS
from tests.services.appliance import (
    BASE,
    Recorded,
    _die_with_parent,
    free_port,
    variables,
)
from tests.services.valkey import Valkey
from tests.services.waiting import PATIENCE, wait_until


class Gateway:
    """One web process."""

    def __init__(
        self,
        environment: Mapping[str, str],
        source: str,
        output: Path,
        command: Sequence[str] = ("manage.py", "web"),
    ) -> None:
        self.source = source
        self._command = [sys.executable, *command]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **environment,
            "DOMICILE_SOURCE": source,
            "DOMICILE_PORT": str(self.port),
        }
        self._output = output
        self.process: subprocess.Popen[bytes]
        self.start()

    def start(self) -> None:
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                self._command,
                cwd=BASE,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads hold locks here
            )
        try:
            self.wait()
        except AssertionError:
            self.stop(signal.SIGKILL)
            raise

    def wait(self) -> None:
        """Return once it can check texts, which takes the longest to load."""

        def detects() -> bool:
            assert self.process.poll() is None, self._output.read_text()[-3000:]
            with suppress(httpx.HTTPError):
                checks = client.get(f"{self.url}/readyz").json()["checks"]
                return bool(checks["detection"] == checks["configuration"] == "ok")
            return False

        with httpx.Client(timeout=5, verify=False) as client:  # noqa: S501 - no TLS here
            wait_until(detects, f"{self.source} has loaded its detector", 240, every=0.2)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(sign)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Laboratory:
    """Two web processes, their broker and their database."""

    def __init__(self, data: Path) -> None:
        self.data = data
        data.mkdir(mode=0o700)
        self.broker = Valkey()
        self.environment = variables(
            data,
            free_port(),
            {
                "DOMICILE_BROKER_URL": self.broker.url,
                "DOMICILE_DISK_FLOOR": "0",
                "DOMICILE_DETECTION_TIMEOUT": "60",
            },
        )
        self.gateways: list[Gateway] = []
        self.http = httpx.Client(timeout=PATIENCE, verify=False)  # noqa: S501 - no TLS here
        try:
            self.key = self._prepared()
        except AssertionError:
            self.close()
            raise

    def _prepared(self) -> str:
        public = [key.public_key().public_bytes_raw().hex() for key in (SITE_KEY, NODE_KEY)]
        result = subprocess.run(
            [sys.executable, "-m", "tests.inference.api.prepare", *public, WEIGHTS],
            cwd=BASE,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def gateway(self, source: str, *command: str, **more: str) -> Gateway:
        """One more web process; `command` starts it in another way."""
        gateway = Gateway(
            {**self.environment, **more},
            source,
            self.data.parent / f"{source}.output",
            command or ("manage.py", "web"),
        )
        self.gateways.append(gateway)
        return gateway

    def close(self) -> None:
        for gateway in self.gateways:
            gateway.stop()
        self.broker.close()
        self.http.close()

    @property
    def gateway_key(self) -> bytes:
        private = bytes.fromhex((self.data / "keys" / "gateway.ed25519").read_text().strip())
        return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()

    @property
    def url(self) -> str:
        return self.gateways[0].url

    # --- Callers ---

    def client(self, key: str | None = None, **options: Any) -> openai.OpenAI:
        options = {"max_retries": 0, "timeout": PATIENCE} | options
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key or self.key, **options)

    def async_client(self, key: str | None = None, **options: Any) -> openai.AsyncOpenAI:
        options = {"max_retries": 0, "timeout": PATIENCE} | options
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key or self.key, **options)

    def post(
        self, body: Any = None, *, key: str | None = None, **options: Any
    ) -> httpx.Response:
        """A raw call; `body` is JSON unless `content` is given."""
        given = options.pop("headers", {})
        headers = [("Authorization", f"Bearer {key or self.key}")]
        headers += given.items() if isinstance(given, dict) else given
        path = options.pop("path", "/v1/chat/completions")
        url = f"{options.pop('url', self.url)}{path}"
        return self.http.post(url, json=body, headers=headers, **options)

    # --- The database, by hand ---

    def sql(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        path = self.data / "db.sqlite3"
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection, connection:
            return connection.execute(statement, parameters).fetchall()

    def application(
        self,
        *,
        requests: int = 0,
        tokens: int = 0,
        at_once: int = 0,
        content_days: int = 0,
        name: str = "",
    ) -> str:
        """One like the first application, but for its limits; the plaintext of its key."""
        identity, name = uuid.uuid4().hex, name or f"app-{secrets.token_hex(4)}"
        own = {
            "id": identity,
            "name": name,
            "requests_per_minute": requests,
            "tokens_per_minute": tokens,
            "concurrent_requests": at_once,
            "content_days": content_days,
            "label_key": secrets.token_bytes(32),
        }
        columns = [row[1] for row in self.sql("PRAGMA table_info(compliance_application)")]
        values = ", ".join("?" if column in own else column for column in columns)
        self.sql(
            f"INSERT INTO compliance_application ({', '.join(columns)}) SELECT {values}"  # noqa: S608 - names of columns
            " FROM compliance_application WHERE name = 'demo'",
            [own[column] for column in columns if column in own],
        )
        return self.issue(identity)

    def issue(self, application: str, *, expires: str | None = None) -> str:
        prefix = secrets.token_hex(6)
        plaintext = f"dom_{prefix}_{secrets.token_urlsafe(32)}"
        self.sql(
            "INSERT INTO compliance_apikey (application_id, prefix, digest, note, created,"
            " expires) VALUES (?, ?, ?, '', '2026-01-01', ?)",
            (application, prefix, hashlib.sha256(plaintext.encode()).hexdigest(), expires),
        )
        wait_until(lambda: self._known(plaintext), "every gateway knows the key")
        return plaintext

    def _known(self, key: str) -> bool:
        """Whether each gateway knows `key`, be it that it has expired."""
        headers = {"Authorization": f"Bearer {key}"}
        answers = [
            self.http.get(f"{gateway.url}/v1/models", headers=headers)
            for gateway in self.gateways
        ]
        return all("expired" in one.text or one.is_success for one in answers)

    def second_site(self, site: str, node: str) -> None:
        """One more site and a node that serves the model there, with the first one's keys."""
        self.sql(
            "INSERT INTO compliance_site"
            " (name, country, public_key, operator, certifications, active, created)"
            " SELECT ?, country, public_key, operator, certifications, 1, created"
            " FROM compliance_site LIMIT 1",
            (site,),
        )
        self.sql(
            "INSERT INTO inference_node"
            " (name, site_id, public_key, active, closed_reason, created)"
            " SELECT ?, site.id, node.public_key, 1, '', node.created"
            " FROM compliance_site site, inference_node node WHERE site.name = ? LIMIT 1",
            (node, site),
        )
        self.sql(
            "INSERT INTO inference_deployment"
            " (model_id, site_id, replicas, queue_limit, active, created)"
            " SELECT model_id, node.site_id, 1, queue_limit, 1, node.created"
            " FROM inference_deployment, inference_node node WHERE node.name = ? LIMIT 1",
            (node,),
        )
        self.place(node)
        time.sleep(1)  # some polls: the gateways know it now

    def more_node(self, name: str, *, closed: bool = False, serves: bool = False) -> None:
        """One more node at the first site, with the first one's key; every gateway knows it."""
        self.sql(
            "INSERT INTO inference_node"
            " (name, site_id, public_key, active, closed, closed_reason, created)"
            " SELECT ?, site_id, public_key, 1, CASE WHEN ? THEN created END, '', created"
            " FROM inference_node WHERE name = 'lab-1'",
            (name, closed),
        )
        if serves:
            self.place(name)
        self.application()

    def place(self, node: str) -> None:
        """Let a node serve what is deployed first at its site."""
        self.sql(
            "INSERT INTO inference_placement (deployment_id, node_id, pinned, active, created)"
            " SELECT deployment.id, node.id, 0, 1, node.created"
            " FROM inference_deployment deployment JOIN inference_node node USING (site_id)"
            " WHERE node.name = ? ORDER BY deployment.id LIMIT 1",
            (node,),
        )

    def events(
        self,
        request: str | None = None,
        type: str | None = None,  # noqa: A002 - the column
        source: str | None = None,
    ) -> list[Recorded]:
        """Recorded events, in the order they were stored."""
        rows = self.sql(
            "SELECT source, epoch, seq, type, request, detail FROM compliance_event"
            " WHERE (?1 IS NULL OR request = ?1) AND (?2 IS NULL OR type = ?2)"
            " AND (?3 IS NULL OR source = ?3) ORDER BY id",
            (request, type, source),
        )
        return [
            Recorded(origin, epoch, seq, kind, about, json.loads(detail))
            for origin, epoch, seq, kind, about, detail in rows
        ]

    def story(self, request: str, ends: bool = True) -> list[Recorded]:
        """A request's events, once it has ended."""
        found: list[Recorded] = []

        def ended() -> bool:
            found[:] = self.events(request=request)
            last = found[-1].type if found else ""
            return not ends or last.split(".")[-1] in {
                "completed",
                "failed",
                "cancelled",
                "lost",
            }

        wait_until(ended, f"request {request} has its terminal event")
        return found


def ask(text: str, **more: Any) -> dict[str, Any]:
    """A request's body."""
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}
