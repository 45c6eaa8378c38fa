"""Enrols machines as nodes: token, request, approval. One transaction each, with its events.

Only an approval makes a node, and only a node's receipts count. A site gets its public key
from the first node approved there, and never another.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import IntegrityError, models
from django.utils import timezone

from compliance.audit import journal
from compliance.audit.changes import cover, recorded
from compliance.models import Site
from compliance.vocabulary import Event
from inference import enrolment
from inference.deploying import Foreman
from inference.enrolment import Answer, Asked, EnrolmentRefused, Request
from inference.models import Model, Node, NodeEnrolment

LIFE = timedelta(hours=24)  # of a token
State = NodeEnrolment.State
_USED = "The token was used by another machine, or with other keys; make a new one."


def invite(site: Site, actor: str, gateway_key: bytes) -> tuple[NodeEnrolment, str]:
    """A token for one machine at `site`, and its text, which is kept nowhere."""
    token, challenge = enrolment.new_token(
        site.name, first=not bytes(site.public_key), gateway_key=gateway_key
    )
    with recorded():
        row = NodeEnrolment.objects.create(
            site=site,
            token=token.digest,
            challenge=challenge,
            created_by=actor,
            expires=timezone.now() + LIFE,
        )
        detail = {"site": site.name, "expires": row.expires.isoformat(timespec="seconds")}
        _record("enrolment.opened", actor, detail, [row])
    return row, token.text


def known(digest: str) -> NodeEnrolment:
    """The enrolment of a token; raises `EnrolmentRefused`."""
    row = NodeEnrolment.objects.select_related("site").filter(token=digest).first()
    if row is None or row.state == State.WITHDRAWN:
        raise EnrolmentRefused(
            "unknown_token", "No such token waits here; copy it again, or make a new one."
        )
    return row


def request(said: bytes) -> NodeEnrolment:
    """Hear a machine; the same request again says how it stands. Raises `EnrolmentRefused`."""
    asked = enrolment.read_request(said)
    wanted = asked.request
    row = known(enrolment.digest(bytes.fromhex(wanted.secret)))
    enrolment.verify(asked, bytes(row.challenge))
    if row.used is not None:
        if not _same(row, wanted):
            raise EnrolmentRefused("used_token", _USED)
        return row
    if row.expires <= timezone.now():
        raise EnrolmentRefused(
            "expired_token", "The token is older than 24 hours; make a new one in the console."
        )
    _fits(row.site, wanted.site, wanted.site_key)
    _fresh(wanted.node, bytes.fromhex(wanted.node_key))
    return _wait(row, asked)


def _same(row: NodeEnrolment, wanted: Request) -> bool:
    mine = (row.node, bytes(row.node_key).hex(), bytes(row.site_key).hex())
    return mine == (wanted.node, wanted.node_key, wanted.site_key)


def _wait(row: NodeEnrolment, asked: Asked) -> NodeEnrolment:
    wanted = asked.request
    try:
        with recorded():
            taken = NodeEnrolment.objects.filter(pk=row.pk, used=None, state=State.OPEN)
            mine = taken.update(
                used=timezone.now(),
                state=State.WAITING,
                node=wanted.node,
                model=wanted.model,
                node_key=bytes.fromhex(wanted.node_key),
                site_key=bytes.fromhex(wanted.site_key),
            )
            if not mine:
                raise EnrolmentRefused("used_token", _USED)
            detail = {
                "node": wanted.node,
                "site": wanted.site,
                "model": wanted.model,
                "public_key": wanted.node_key,
                "site_public_key": wanted.site_key,
            }
            _record("enrolment.requested", None, detail, [row])
    except IntegrityError as error:
        raise EnrolmentRefused(
            "name_exists",
            "A machine of this name, or with this key, waits already; decide on that first.",
        ) from error
    row.refresh_from_db()
    return row


def approve(row: NodeEnrolment, actor: str) -> Node:
    """Make the waiting machine a node; raises `EnrolmentRefused`.

    Where its model is registered, the node is to serve it, and what its site lacks.
    """
    foreman = Foreman(row.site, actor, "console")
    with recorded():
        row = _waiting(row)
        site, key = row.site, bytes(row.site_key)
        _fits(site, site.name, key.hex())
        _fresh(row.node, bytes(row.node_key))
        empty = Site.objects.filter(pk=site.pk, public_key=b"")
        if not bytes(site.public_key) and empty.update(public_key=key):
            detail = {"site": site.name, "node": row.node, "public_key": key.hex()}
            _record("site.keyed", actor, detail, [site])
        node = Node.objects.create(name=row.node, site=site, public_key=bytes(row.node_key))
        detail = {"node": node.name, "site": site.name}
        enrolled = detail | {"public_key": bytes(row.node_key).hex()}
        _record("node.enrolled", actor, enrolled, [node])
        model = Model.objects.filter(name=row.model).first()
        if model is not None:
            foreman.pin(model, node)
        foreman.again()
        _decide(row, State.APPROVED, actor)
        cover([row])  # `node.enrolled` speaks of it too
    return node


def decline(row: NodeEnrolment, actor: str, reason: str) -> None:
    """Send the waiting machine away; raises `EnrolmentRefused`."""
    with recorded():
        row = _waiting(row)
        _decide(row, State.DECLINED, actor, reason)
        detail = {"node": row.node, "site": row.site.name, "reason": reason}
        _record("enrolment.declined", actor, detail, [row])


def withdraw(row: NodeEnrolment, actor: str) -> None:
    """Take an unused token back; raises `EnrolmentRefused`."""
    with recorded():
        unused = NodeEnrolment.objects.filter(pk=row.pk, state=State.OPEN, used=None)
        if not unused.update(
            state=State.WITHDRAWN, decided=timezone.now(), decided_by=actor, challenge=b""
        ):
            raise EnrolmentRefused("not_waiting", "The token was used or taken back meanwhile.")
        _record("enrolment.withdrawn", actor, {"site": row.site.name}, [row])


def answer(row: NodeEnrolment, gateway_key: Ed25519PrivateKey) -> bytes:
    """What an approved machine is told; raises `EnrolmentRefused` for one that is not."""
    if row.state == State.DECLINED:
        raise EnrolmentRefused("declined", f"An operator declined it: {row.reason}")
    if row.state != State.APPROVED:
        raise EnrolmentRefused("not_waiting", "No operator has approved it yet.")
    given = Answer(
        site=row.site.name,
        node=row.node,
        node_key=bytes(row.node_key).hex(),
        site_key=bytes(row.site_key).hex(),
        gateway_key=gateway_key.public_key().public_bytes_raw().hex(),
    )
    return enrolment.answer(given, gateway_key)


def reopen(node: Node, actor: str, reason: str) -> bool:
    """Open a closed node again; false where it was open. It is given what its site lacks."""
    foreman = Foreman(node.site, actor, "console")
    with recorded():
        foreman.lock()
        closed = Node.objects.filter(pk=node.pk, closed__isnull=False)
        opened = bool(closed.update(closed=None, closed_reason=""))
        if opened:
            _record("node.opened", actor, {"node": node.name, "reason": reason}, [node])
            foreman.again()
    return opened


def _waiting(row: NodeEnrolment) -> NodeEnrolment:
    """The row as it is now, locked; raises `EnrolmentRefused` unless it waits.

    Its site is locked too: of two first machines approved at once the second must find the key
    that the first one brought.
    """
    rows = NodeEnrolment.objects.select_for_update(of=("self", "site"), no_key=True)
    now = rows.select_related("site").get(pk=row.pk)
    if now.state != State.WAITING:
        raise EnrolmentRefused("not_waiting", "It was decided on meanwhile.")
    return now


def _fits(site: Site, named: str, key: str) -> None:
    """Raise `EnrolmentRefused` unless the machine stands at `site` and has its key."""
    if site.name != named:
        raise EnrolmentRefused("other_site", f"The token is for the site {site.name}.")
    if bytes(site.public_key) and bytes(site.public_key).hex() != key:
        raise EnrolmentRefused(
            "other_site_key",
            f"The site {site.name} has another key. Copy keys/site-{site.name}.x25519 from one "
            "of its nodes to this machine, in place of the one that is there.",
        )


def _fresh(name: str, key: bytes) -> None:
    """Raise `EnrolmentRefused` where a node has this name or this key."""
    if Node.objects.filter(name=name).exists():
        raise EnrolmentRefused(
            "name_exists", f"A node {name} exists; give the machine another with DOMICILE_NODE."
        )
    if Node.objects.filter(public_key=key).exists():
        raise EnrolmentRefused(
            "key_exists",
            "A node with this key exists; remove the machine's node key, which was copied, and "
            "ask again.",
        )


def _decide(row: NodeEnrolment, state: State, actor: str, reason: str = "") -> None:
    row.state, row.decided, row.decided_by = state, timezone.now(), actor
    row.reason = reason
    row.save(update_fields=["state", "decided", "decided_by", "reason"])


def _record(
    kind: str, actor: str | None, detail: Mapping[str, Any], about: Iterable[models.Model]
) -> None:
    """Append an event inside the caller's transaction, which changed what it is `about`."""
    said = {"actor": actor, **detail} if actor is not None else dict(detail)
    journal.record("console", [Event(kind, time.time_ns() // 1000, said)], about)
