"""The machine's side of an enrolment: its keys, its request, and what it does with the answer.

Without a database: a node has none. Keys are made once and never overwritten.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from appliance.calling import Calls
from appliance.env import Environment
from compliance.audit.keys import create_key, read_key
from inference.enrolment import Answer, EnrolmentRefused, Request, Token, ask, read_answer

TYPE = "application/json"
WAITING, APPROVED, BUSY = 202, 200, 429
BROKEN = 500  # and above: of the appliance, or of an entrance in front of it while it restarts


class Machine:
    """A machine that wants to be the node of `token`'s site."""

    def __init__(self, environment: Environment, token: Token) -> None:
        """Make the keys that are missing; raises `EnrolmentRefused`, `KeyUnusable`, OSError."""
        if environment.site not in ("home", token.site):
            raise EnrolmentRefused(
                "other_site",
                f"DOMICILE_SITE is {environment.site}, and the token is for {token.site}. Set "
                "it to the token's site, or make a token for the other.",
            )
        self._environment, self._token = environment, token
        self._keys = environment.data / "keys"
        self.node_key = Ed25519PrivateKey.from_private_bytes(
            _key(self._keys / f"node-{environment.node}.ed25519")
        )
        self.site_key = X25519PrivateKey.from_private_bytes(self._site_key())

    def _site_key(self) -> bytes:
        path = self._keys / f"site-{self._token.site}.x25519"
        if not self._token.first and not path.exists():
            raise EnrolmentRefused(
                "no_site_key",
                f"The site {self._token.site} has a key already, which is not here: copy "
                f"{path.name} from one of its nodes to {path.parent}, by a way that you trust.",
            )
        return _key(path)

    def request(self) -> bytes:
        """What it asks."""
        request = Request(
            secret=self._token.secret.hex(),
            site=self._token.site,
            node=self._environment.node,
            model=self._environment.model,
            node_key=self.node_key.public_key().public_bytes_raw().hex(),
            site_key=self.site_key.public_key().public_bytes_raw().hex(),
            time=time.time_ns() // 1000,
        )
        return ask(request, self._token, self.node_key, self.site_key)

    def take(self, said: bytes) -> Answer:
        """Believe the answer and keep the gateway's key; raises `EnrolmentRefused`."""
        answer = read_answer(said, self._token)
        mine = (
            self._token.site,
            self._environment.node,
            self.node_key.public_key().public_bytes_raw().hex(),
            self.site_key.public_key().public_bytes_raw().hex(),
        )
        if mine != (answer.site, answer.node, answer.node_key, answer.site_key):
            raise EnrolmentRefused("malformed", "The answer is for another machine.")
        path = self._keys / "gateway.pub"
        known = path.read_text("ascii").split() if path.exists() else []
        if answer.gateway_key not in known:
            if known:
                raise EnrolmentRefused(
                    "key_exists",
                    f"{path} names another gateway. A node answers to one appliance: remove "
                    "the file if it is no longer that one, and run this again.",
                )
            scratch = path.with_name(f".{path.name}.new")
            scratch.write_text(f"{answer.gateway_key}\n", "ascii")
            scratch.replace(path)
        return answer


class NotNow(Exception):
    """The appliance is there, but hears no request for now. The message says it."""


def send(url: str, request: bytes) -> bytes | None:
    """The answer of the appliance at `url`; None while it waits for an operator.

    Raises `EnrolmentRefused` with the appliance's words, `NotNow`, and OSError.
    """
    address = f"{url.rstrip('/')}/enrolment"
    reply = Calls((), only=(address,), kind=TYPE)("POST", address, request)
    if reply.status == WAITING:
        return None
    if reply.status == APPROVED:
        return reply.body
    if reply.status == BUSY or reply.status >= BROKEN:
        raise NotNow(_words(reply.status, reply.body))
    raise EnrolmentRefused("refused", _words(reply.status, reply.body))


def _words(status: int, body: bytes) -> str:
    try:
        said = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        said = ""
    if isinstance(said, str) and said and said.isprintable():
        return said
    return f"The appliance answered {status} and gave no reason."


def _key(path: Path) -> bytes:
    return read_key(path) if path.exists() else create_key(path)
