"""What every verb does first and last: who may, by which key, one at a time, on the record."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.http import HttpRequest

from compliance.audit import journal
from compliance.audit.changes import recorded
from compliance.models import ApprovalKey, PolicySignature, PolicyVersion
from compliance.versions import load, sealing, statements
from compliance.versions.certificates import APPROVE, PROPOSE
from compliance.versions.chain import Loaded, Standing
from compliance.versions.refused import Refused
from compliance.vocabulary import Event

CONSOLE = "console"
LOCK = 0x50_4F_4C_49_43_59  # "POLICY": PostgreSQL's advisory lock around a verb
RIGHTS: Mapping[str, str] = {
    PROPOSE: "compliance.propose_policyversion",
    APPROVE: "compliance.approve_policyversion",
}
DRAFTING = "compliance.change_policydraft"
_PEOPLE = ("auth.add_user", "auth.change_user")


@dataclass(frozen=True, slots=True)
class Signer:
    """A person who has just said the password, and the key that it opened."""

    person: User
    role: str
    key: Ed25519PrivateKey
    fingerprint: str

    @property
    def name(self) -> str:
        """As the record knows the person."""
        return str(self.person.get_username())

    def says(self, kind: str, version: PolicyVersion, **members: Any) -> PolicySignature:
        """A signed statement about a version, stored."""
        text = statements.written(
            kind,
            digest=version.digest,
            number=version.number,
            person=self.name,
            key=self.fingerprint,
            **members,
        )
        return PolicySignature.objects.create(
            version=version,
            kind=kind,
            statement=text,
            signature=statements.sign(kind, text, self.key),
        )


def now() -> int:
    """µs since the Unix epoch."""
    return time.time_ns() // 1_000


def signing_time(standing: Standing, *after: int) -> int:
    """When something is signed, in µs since the Unix epoch: now, by a clock that may be wrong.

    Never before the version that counts began, nor before the times in `after`: what was
    signed while a clock was ahead would stand in the way of everything else until then.
    """
    return max(now(), active(standing).since_us, *after)


def insist_on_role(person: User, *roles: str) -> None:
    """Raises `Refused` unless the person may sign as one of `roles`.

    Whoever may enter people could be two of them, so none of those may sign: a superuser may
    not either.
    """
    fresh = User.objects.filter(pk=person.pk, is_active=True).first()
    if fresh is None or not any(fresh.has_perm(RIGHTS[role]) for role in roles):
        raise Refused("person", "Your role does not let you do this.")
    if any(fresh.has_perm(right) for right in _PEOPLE):
        raise Refused(
            "person",
            "Whoever may enter people or give roles cannot sign for policies: one person could "
            "act as two. Let somebody else do it, who has only this role.",
        )


def authenticated(person: User, password: str, request: HttpRequest | None) -> None:
    """Raises `Refused` unless this is the password; a wrong one counts as a failed login."""
    asked = request or HttpRequest()
    name = person.get_username()
    user = authenticate(asked, username=name, password=password)
    if user is None or user.pk != person.pk:
        raise Refused("password", "This is not your password, or too many were wrong.")


def signer(
    person: User, password: str, roles: Iterable[str], request: HttpRequest | None
) -> Signer:
    """The person's key, opened; raises `Refused`. Slow by design: before any transaction."""
    wanted = tuple(roles)
    insist_on_role(person, *wanted)
    key = ApprovalKey.objects.filter(person=person, revoked=None).first()
    if key is None:
        raise Refused("person", "You have no approval key. Create one first.")
    if not key.signature:
        raise Refused("person", "Your approval key waits for somebody to endorse it.")
    if key.role not in wanted:
        raise Refused(
            "person",
            f"Your approval key is certified to {key.role}, which is not what is signed here.",
        )
    insist_on_role(person, key.role)
    authenticated(person, password, request)
    try:
        opened = sealing.unseal(
            bytes(key.sealed), bytes(key.salt), bytes.fromhex(key.public_key), password
        )
    except sealing.Unopened as error:
        raise Refused(
            "password",
            "Your password does not open your approval key: it was sealed under another one, "
            "or somebody changed the stored key. Revoke it and create another; tell the "
            "operator if your password has not changed.",
        ) from error
    return Signer(person, key.role, opened, statements.fingerprint(key.public_key))


@contextmanager
def alone() -> Iterator[None]:
    """A transaction in which nobody else signs or ends a key, whatever is wrong."""
    with recorded():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield


@contextmanager
def turn() -> Iterator[Standing]:
    """A transaction in which nobody else changes what counts; gives what does.

    Raises `Refused` where something about the policy is wrong, before or by what was done: a
    clock that was set back, say, would sign what never counts.
    """
    with alone():
        standing = load.standing(heed=True)
        if standing.faults:
            raise Refused("version", f"The policy is not sound: {standing.faults[0]}")
        yield standing
        if faults := load.standing(heed=True).faults:
            raise Refused("version", f"Nothing was done, because then: {faults[0]}")


def active(standing: Standing) -> Loaded:
    """The version that counts."""
    assert standing.active is not None  # noqa: S101 - `turn` refuses faults
    return standing.active


def still(signing: Signer, standing: Standing) -> None:
    """Raises `Refused` where the key was revoked, or the role taken, since it was opened."""
    key = standing.keys.get(signing.fingerprint)
    if key is None or key.until is not None or key.person != signing.name:
        raise Refused("person", "Your approval key does not count any more.")
    insist_on_role(signing.person, signing.role)


def say(kind: str, actor: str, detail: Mapping[str, Any], about: Iterable[Model]) -> None:
    """Record an event of the open transaction."""
    journal.record(CONSOLE, [Event(kind, now(), {"actor": actor, **detail})], about)


def named(version: PolicyVersion, name: str) -> dict[str, Any]:
    """A version as events name it."""
    return {"name": name, "version": version.number, "digest": version.digest}


def proof(said: PolicySignature) -> dict[str, str]:
    """A statement as events hold it, so that the log proves it too."""
    return {"statement": said.statement, "signature": said.signature}


def insist_on_text(field: str, text: str, what: str, longest: int = 1_000) -> str:
    """The text without the blanks around it; raises `Refused` where there is none."""
    text = text.strip()
    if not text:
        raise Refused(field, f"Say {what}: it goes on the record.")
    if "\0" in text or any("\ud800" <= one <= "\udfff" for one in text):
        raise Refused(field, "It holds a character that cannot be stored.")
    if len(text) > longest:
        raise Refused(field, f"At most {longest} characters.")
    return text
