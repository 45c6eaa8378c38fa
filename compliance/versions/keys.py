"""People's approval keys: created, endorsed, revoked, sealed anew, and recovered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.http import HttpRequest

from compliance.audit import alarms
from compliance.audit.changes import recorded
from compliance.audit.keys import KeyUnusable
from compliance.models import ApprovalKey, PolicySignature
from compliance.models.policies import NOTE_MAX
from compliance.versions import acting, sealing, statements
from compliance.versions.certificates import APPROVE, PROPOSE
from compliance.versions.install import installer_key, moment
from compliance.versions.refused import Refused
from compliance.versions.statements import APPROVAL_KEY, INSTALLER


def create(
    person: User, password: str, role: str, request: HttpRequest | None = None
) -> ApprovalKey:
    """A new key of the person, sealed under the login password; raises `Refused`.

    The installer certifies it while no version was approved by two people; later it waits for
    `endorse`.
    """
    if role not in (PROPOSE, APPROVE):
        raise Refused("role", "Choose whether the key proposes or approves.")
    acting.insist_on_role(person, role)
    acting.authenticated(person, password, request)
    private = Ed25519PrivateKey.generate()
    sealed, salt = sealing.seal(private, password)
    try:
        with acting.turn() as standing:
            acting.insist_on_role(person, role)
            key = ApprovalKey(
                person=person,
                role=role,
                public_key=statements.public_of(private),
                sealed=sealed,
                salt=salt,
            )
            if not standing.two_people:
                _certify(key, INSTALLER, _installer(), "")
            key.save(force_insert=True)
            _say("approval_key.created", person.get_username(), key)
    except IntegrityError as error:
        raise Refused(
            "person", "You have an approval key already. Revoke it before you create another."
        ) from error
    return key


def endorse(
    key: ApprovalKey,
    mark: str,
    endorser: User,
    password: str,
    request: HttpRequest | None = None,
) -> ApprovalKey:
    """Certify a key that waits, by another person's key that approves; raises `Refused`.

    `mark` is the fingerprint (64 hex digits) that the endorser compared: what is stored may be
    another key by now.
    """
    signing = acting.signer(endorser, password, [APPROVE], request)
    if key.person_id == endorser.pk:
        raise Refused("person", "Nobody endorses the own key. Ask another approver.")
    with acting.turn() as standing:
        acting.still(signing, standing)
        key = _waiting(key)
        if statements.fingerprint(key.public_key) != mark:
            raise Refused(
                "key",
                "The stored key is not the one whose fingerprint you compared: somebody "
                "changed it. Nothing was signed. Tell the operator, and have this person "
                "revoke the key and make another.",
            )
        _certify(key, signing.fingerprint, signing.key, "")
        key.save(update_fields=["statement", "signature"])
        _say("approval_key.endorsed", signing.name, key)
    return key


def recover(key: ApprovalKey, reason: str, *, actor: str) -> ApprovalKey:
    """Certify a key that waits by the installer key, where no approver is left; or `Refused`.

    For the command on the machine itself. It is on the record, and raises an alarm.
    """
    reason = acting.insist_on_text("reason", reason, "why nobody could endorse it", NOTE_MAX)
    with acting.turn():
        key = _waiting(key)
        acting.insist_on_role(key.person, key.role)
        _certify(key, INSTALLER, _installer(), reason)
        key.save(update_fields=["statement", "signature"])
        words = f"{key.person}'s key to {key.role} was certified by the installer key: {reason}"
        alarms.raise_(alarms.RECOVERED, statements.fingerprint(key.public_key)[:16], words)
        _say("approval_key.recovered", actor, key, reason=reason)
    return key


def revoke(key: ApprovalKey, person: User, reason: str) -> ApprovalKey:
    """End a key, one's own or as an approver another's; what it signed before stays valid."""
    reason = acting.insist_on_text("reason", reason, "why the key is revoked", NOTE_MAX)
    if key.person_id != person.pk:
        acting.insist_on_role(person, APPROVE)
    with acting.turn():
        return _end(key, person.get_username(), reason)


def resealing(person: User, old: str, new: str) -> Callable[[], None]:
    """Seal the person's key under a new password: slow, so before the transaction.

    What it gives back stores the result, in the transaction that stores the password. A key
    that the old password does not open is revoked: nobody can open it.
    """
    key = ApprovalKey.objects.filter(person=person, revoked=None).first()
    if key is None:
        return lambda: None
    name, public = person.get_username(), bytes.fromhex(key.public_key)
    try:
        opened = sealing.unseal(bytes(key.sealed), bytes(key.salt), public, old)
    except sealing.Unopened:
        return lambda: _unless_ended(key, name, "The new password could not seal it.")
    sealed, salt = sealing.seal(opened, new)

    def store() -> None:
        with recorded():
            standing = ApprovalKey.objects.filter(pk=key.pk, revoked=None)
            if standing.update(sealed=sealed, salt=salt):
                _say("approval_key.resealed", name, key)

    return store


def lose(person: User, *, actor: str) -> None:
    """Revoke the person's key because somebody else set the password; in that transaction."""
    key = ApprovalKey.objects.filter(person=person, revoked=None).first()
    if key is not None:
        _unless_ended(key, actor, "Somebody else set a new password, which does not open it.")


def _unless_ended(key: ApprovalKey, actor: str, reason: str) -> None:
    with acting.alone(), suppress(Refused):
        _end(key, actor, reason)


def _end(key: ApprovalKey, actor: str, reason: str) -> ApprovalKey:
    time = max(acting.now(), _last_used(key) + 1)
    ended = ApprovalKey.objects.filter(pk=key.pk, revoked=None)
    if not ended.update(revoked=moment(time), reason=reason):
        raise Refused("key", "This key is revoked already.")
    key.refresh_from_db()
    _say("approval_key.revoked", actor, key, reason=reason)
    return key


def _last_used(key: ApprovalKey) -> int:
    """The latest time at which the key signed, in µs since the Unix epoch; 0 if it never did.

    A clock may have been ahead then. Were the key to end before, nothing would ever count.
    """
    mark = statements.fingerprint(key.public_key)
    about = PolicySignature.objects.filter(statement__contains=mark)
    said = [*about.values_list("kind", "statement", "signature")]
    others = ApprovalKey.objects.filter(statement__contains=mark)
    said += ((APPROVAL_KEY, *one) for one in others.values_list("statement", "signature"))
    return max(
        (
            statements.read(kind, text)["time"]
            for kind, text, signature in said
            if statements.signed(kind, text, signature, key.public_key)
        ),
        default=0,
    )


def _waiting(key: ApprovalKey) -> ApprovalKey:
    """The key as it is stored now; raises `Refused` unless it waits."""
    fresh = ApprovalKey.objects.select_related("person").get(pk=key.pk)
    if fresh.revoked is not None:
        raise Refused("key", "This key is revoked. Let its person create a new one.")
    if fresh.signature:
        raise Refused("key", "This key is certified already.")
    return fresh


def _certify(key: ApprovalKey, by: str, signs: Ed25519PrivateKey, reason: str) -> None:
    key.statement = statements.written(
        APPROVAL_KEY,
        person=key.person.get_username(),
        role=str(key.role),
        public_key=key.public_key,
        time=acting.now(),
        certified_by=by,
        reason=reason,
    )
    key.signature = statements.sign(APPROVAL_KEY, key.statement, signs)


def _installer() -> Ed25519PrivateKey:
    try:
        return installer_key()
    except KeyUnusable as error:
        raise Refused("key", str(error)) from error


def _say(kind: str, actor: str, key: ApprovalKey, **more: str) -> None:
    detail = {
        "person": key.person.get_username(),
        "role": str(key.role),
        "public_key": key.public_key,
        "fingerprint": statements.fingerprint(key.public_key),
    }
    if key.signature and kind not in ("approval_key.revoked", "approval_key.resealed"):
        detail |= {"statement": key.statement, "signature": key.signature}
    acting.say(kind, actor, detail | more, [key])
