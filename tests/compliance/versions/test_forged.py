"""P7 against who owns the database: whatever is written there, no forged version counts.

Each attack is made in a transaction of its own, with the triggers taken away, and undone.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import User

from compliance.audit import alarms, retention
from compliance.models import Alarm, ApprovalKey, PolicySignature, PolicyVersion
from compliance.policy.default import DEFAULT
from compliance.policy.rules import Condition, Rule, canonical
from compliance.versions import acting, keys, sealing, statements
from compliance.versions.chain import SKEW
from compliance.versions.install import installer_key, moment
from compliance.versions.tighten import tighten
from compliance.versions.watching import PolicyWatch, tell
from compliance.versions.withdraw import withdraw
from compliance.vocabulary import Effect
from inference import snapshot
from tests.compliance.versions.forging import run, undone
from tests.compliance.versions.people import (
    PASSWORD,
    approver,
    counting,
    details,
    officer,
    person,
    rule,
    sound,
    standing,
)

pytestmark = pytest.mark.database

OPEN = Rule("open", "Everything is allowed.", Condition(), Effect.ALLOW)
BLOCK = Rule("stop", "Stop.", Condition(models=frozenset({"another"})), Effect.BLOCK)
TABLES = (
    *("compliance_policyversion", "compliance_policysignature", "compliance_approvalkey"),
    *("auth_user", "auth_user_groups", "compliance_policydraft"),
)


@dataclasses.dataclass
class Story:
    """Version 2 counts by two people, 3 by one who tightened; 4 was withdrawn."""

    data: object
    second: PolicyVersion
    third: PolicyVersion
    fourth: PolicyVersion


@pytest.fixture
def story(appliance):
    one, other = officer(), approver()
    leaver = approver("lena")
    second = counting(one, other, rule("a"))
    keys.revoke(leaver.approval_keys.get(), leaver, "Leaving.")
    third = tighten([BLOCK], one, PASSWORD, reason="A leak.")
    when = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    fourth = counting(one, other, rule("b"), active_from=when)
    withdraw(fourth, one, PASSWORD, "Wrong.")
    PolicyWatch(appliance).look()
    found = sound(keep=True)
    assert (found.active.number, found.faults) == (3, ())
    return Story(appliance, second, third, fourth)


def key_of(name):
    """A person's private key and its fingerprint: what that person alone can do."""
    row = ApprovalKey.objects.get(person__username=name)
    public = bytes.fromhex(row.public_key)
    opened = sealing.unseal(bytes(row.sealed), bytes(row.salt), public, PASSWORD)
    return opened, statements.fingerprint(row.public_key)


def stored(*rules, activated=None):
    """A version that somebody inserts, unsigned."""
    number = PolicyVersion.objects.latest("number").number + 1
    document = canonical(dataclasses.replace(DEFAULT, version=number, rules=rules)).decode()
    digest = hashlib.sha256(document.encode()).hexdigest()
    if activated is not None:  # a unique index lets one row say so
        PolicyVersion.objects.filter(retired=None).update(retired=activated)
    return PolicyVersion.objects.create(
        number=number, document=document, digest=digest, activated=activated
    )


def said_at(version, kind):
    """When a statement was signed, in µs since the Unix epoch."""
    return json.loads(version.signatures.get(kind=kind).statement)["time"]


def says(version, kind, private, **members):
    """A statement about `version`, signed by whoever has the private key."""
    text = statements.written(kind, digest=version.digest, number=version.number, **members)
    signature = statements.sign(kind, text, private)
    return PolicySignature.objects.create(
        version=version, kind=kind, statement=text, signature=signature
    )


def by_two(version, previous, one, other, bootstrap=()):
    """A proposal and an approval by two people: each a name, a private key, a fingerprint."""
    now = acting.now()
    (name, private, mark), (approves, second, approving) = one, other
    proposal = says(
        version,
        statements.PROPOSAL,
        private,
        person=name,
        key=mark,
        previous=previous.digest,
        note="Forged.",
        time=now,
    )
    says(
        version,
        statements.APPROVAL,
        second,
        person=approves,
        key=approving,
        proposal=statements.digest(proposal.statement),
        active_from=now,
        recall=False,
        bootstrap=list(bootstrap),
        time=now,
    )


def tightening(version, previous, name, time=None):
    private, mark = key_of(name)
    says(
        version,
        statements.TIGHTENING,
        private,
        person=name,
        key=mark,
        previous=previous.digest,
        recall=True,
        reason="Forged.",
        time=acting.now() if time is None else time,
    )


def certified(name, role, private, signer, by, *, time=None, reason=""):
    """A key of `name` with a certificate that `signer` signed."""
    public = statements.public_of(private)
    text = statements.written(
        statements.APPROVAL_KEY,
        person=name,
        role=role,
        public_key=public,
        time=acting.now() if time is None else time,
        certified_by=by,
        reason=reason,
    )
    ApprovalKey.objects.create(
        person=User.objects.get(username=name),
        role=role,
        public_key=public,
        sealed=b"",
        salt=b"",
        statement=text,
        signature=statements.sign(statements.APPROVAL_KEY, text, signer),
    )
    return name, private, statements.fingerprint(public)


# --- The attacks --------------------------------------------------------------------------


def an_activated_row(story):
    stored(OPEN, activated=dt.datetime.now(dt.UTC))


def signatures_of_another_version(story):
    forged = stored(OPEN, activated=dt.datetime.now(dt.UTC))
    for one in PolicySignature.objects.filter(version=story.second):
        PolicySignature.objects.create(
            version=forged, kind=one.kind, statement=one.statement, signature=one.signature
        )


def another_document_under_old_signatures(story):
    document = story.third.document.replace('"block"', '"allow"')
    run(
        "UPDATE compliance_policyversion SET document = %s, digest = %s WHERE number = 3",
        [document, hashlib.sha256(document.encode()).hexdigest()],
    )


def another_document_under_the_old_digest(story):
    run("UPDATE compliance_policyversion SET document = '{}' WHERE number = 3")


def a_key_swapped_for_ones_own(story):
    public = statements.public_of(Ed25519PrivateKey.generate())
    ApprovalKey.objects.filter(person__username="anna").update(public_key=public)


def a_key_given_to_somebody_else(story):
    mallory = person("mallory", "Policy approver")
    ApprovalKey.objects.filter(person__username="anna").update(person=mallory)


def a_key_given_another_role(story):
    ApprovalKey.objects.filter(person__username="olga").update(role="approve")


def a_person_renamed(story):
    User.objects.filter(username="anna").update(username="mallory")


def a_key_certified_by_itself(story):
    person("mallory", "Policy approver")
    private = Ed25519PrivateKey.generate()
    mark = statements.fingerprint(statements.public_of(private))
    certified("mallory", "approve", private, private, mark)


def a_key_certified_by_one_that_only_proposes(story):
    person("mallory", "Policy approver")
    certified("mallory", "approve", Ed25519PrivateKey.generate(), *key_of("olga"))


def one_person_under_both_roles(story):
    private, mark = key_of("olga")
    by_two(stored(OPEN), story.third, ("olga", private, mark), ("olga", private, mark))


def one_person_under_two_names(story):
    private, mark = key_of("olga")
    by_two(stored(OPEN), story.third, ("olga", private, mark), ("anna", private, mark))


def an_approver_who_endorses_a_second_name(story):
    """Its key is certified to approve, so it cannot propose, whoever it is said to be."""
    person("mallory", "Policy approver")
    private, mark = key_of("anna")
    puppet = certified("mallory", "approve", Ed25519PrivateKey.generate(), private, mark)
    by_two(stored(OPEN), story.third, ("anna", private, mark), puppet)


def the_installer_key_after_two_people_took_over(story):
    """Two puppets certified as at the beginning, with a time before anybody else."""
    puppets = []
    for name, role in (("one", "propose"), ("two", "approve")):
        person(name)
        private = Ed25519PrivateKey.generate()
        puppets.append(certified(name, role, private, installer_key(), "installer", time=1))
    by_two(stored(OPEN), story.third, *puppets)


def the_installer_key_used_later_without_a_reason(story):
    """Certified only, as at the beginning: it signs nothing yet, or withdraws."""
    person("mallory", "Policy approver")
    certified("mallory", "approve", Ed25519PrivateKey.generate(), installer_key(), "installer")


def the_installer_key_to_begin_anew(story):
    says(stored(OPEN), statements.INSTALLED, installer_key(), time=acting.now())


def one_signature_that_loosens(story):
    tightening(stored(OPEN), story.third, "olga")


def a_tightening_before_the_one_that_counts(story):
    forged = stored(*DEFAULT.rules, BLOCK)
    tightening(forged, story.second, "olga", said_at(story.third, statements.TIGHTENING) - 1)


def a_second_chain_from_the_beginning(story):
    """By one person, before two people took over: the version by two would be overtaken."""
    forged = stored(*DEFAULT.rules, BLOCK)
    first = PolicyVersion.objects.get(number=1)
    since = said_at(first, statements.INSTALLED)
    key = json.loads(ApprovalKey.objects.get(person__username="olga").statement)["time"]
    tightening(forged, first, "olga", max(since, key))


def the_newest_version_deleted(story):
    run("DELETE FROM compliance_policysignature WHERE version_id = %s", [story.third.pk])
    run("DELETE FROM compliance_policyversion WHERE id = %s", [story.third.pk])
    run("UPDATE compliance_policyversion SET retired = NULL WHERE number = 2")


def all_but_the_first_version_deleted(story):
    run("DELETE FROM compliance_policydraft")
    run("DELETE FROM compliance_policysignature WHERE kind <> 'policy-installed'")
    run("DELETE FROM compliance_policyversion WHERE number > 1")
    run("UPDATE compliance_policyversion SET retired = NULL")


def a_withdrawal_deleted(story):
    run("DELETE FROM compliance_policysignature WHERE kind = 'policy-withdrawal'")


def a_revocation_undone(story):
    run("UPDATE compliance_approvalkey SET revoked = NULL")


def a_version_that_counts_withdrawn_by_one(story):
    private, mark = key_of("olga")
    time = said_at(story.second, statements.APPROVAL)
    says(
        story.second,
        statements.WITHDRAWAL,
        private,
        person="olga",
        key=mark,
        reason="Forged.",
        time=time - 1,
    )


def a_time_moved_in_a_statement(story):
    one = story.fourth.signatures.get(kind=statements.APPROVAL)
    said = json.loads(one.statement) | {"active_from": acting.now()}
    PolicySignature.objects.filter(pk=one.pk).update(
        statement=statements.written(statements.APPROVAL, **said)
    )


def a_time_moved_in_a_column(story):
    PolicyVersion.objects.filter(number=2).update(activated=moment(1))


def the_version_that_counts_retired(story):
    PolicyVersion.objects.filter(number=3).update(retired=dt.datetime.now(dt.UTC))


def signatures_emptied(story):
    PolicySignature.objects.filter(version=story.third).update(statement="", signature="")


def certificates_emptied(story):
    ApprovalKey.objects.update(statement="", signature="")


def declined_with_a_member(story, written):
    """A refusal, which nobody signs, with one member more, written in JSON as given."""
    said = statements.written(
        statements.DECLINE,
        digest=story.third.digest,
        number=3,
        person="mallory",
        reason="Forged.",
        time=1,
    )
    text = f"{said[:-1]},{written}:1}}"
    PolicySignature.objects.create(version=story.third, kind="policy-decline", statement=text)


def a_refusal_with_half_a_character(story):
    declined_with_a_member(story, '"\\ud800"')


def a_refusal_with_a_zero_byte(story):
    declined_with_a_member(story, '"\\u0000"')


def a_refusal_that_is_longer_than_any_event(story):
    declined_with_a_member(story, f'"{"x" * 2**20}"')


def a_refusal_that_says_its_kind(story):
    declined_with_a_member(story, '"kind"')


def a_certificate_said_of_a_version(story):
    key = ApprovalKey.objects.get(person__username="anna")
    PolicySignature.objects.create(
        version=story.third,
        kind=statements.APPROVAL_KEY,
        statement=key.statement,
        signature=key.signature,
    )


def many_keys_that_endorse_each_other(story):
    """The first is said to be certified by the second, that by the third, and so on."""
    mallory = person("mallory", "Policy approver")
    publics = [hashlib.sha256(bytes([one])).hexdigest() for one in range(150)]
    marks = [statements.fingerprint(public) for public in publics]
    ApprovalKey.objects.bulk_create(
        ApprovalKey(
            person=mallory,
            role="approve",
            public_key=public,
            sealed=b"",
            salt=b"",
            revoked=moment(1),
            signature="00",
            statement=statements.written(
                statements.APPROVAL_KEY,
                person="mallory",
                role="approve",
                public_key=public,
                time=1,
                certified_by=by,
                reason="",
            ),
        )
        for public, by in zip(publics, [*marks[1:], "installer"], strict=True)
    )


ATTACKS = {
    an_activated_row: "5 is signed by nobody",
    signatures_of_another_version: "5 has the policy-proposal of another version",
    another_document_under_old_signatures: "3 has the policy-tightening of another version",
    another_document_under_the_old_digest: "3 is not the document that its digest names",
    a_key_swapped_for_ones_own: "of another person, role or key",
    a_key_given_to_somebody_else: "of another person, role or key",
    a_key_given_another_role: "of another person, role or key",
    a_person_renamed: "of another person, role or key",
    a_key_certified_by_itself: "comes back to itself",
    a_key_certified_by_one_that_only_proposes: "by somebody who may not endorse it",
    one_person_under_both_roles: "by a key that is certified for something else",
    one_person_under_two_names: "by a key that nobody certified for its person",
    an_approver_who_endorses_a_second_name: "by a key that is certified for something else",
    the_installer_key_after_two_people_took_over: "by two people did not name",
    the_installer_key_used_later_without_a_reason: "The approval key of mallory rests on",
    the_installer_key_to_begin_anew: "More than one policy version is signed by the installer",
    one_signature_that_loosens: "does not only tighten",
    a_tightening_before_the_one_that_counts: "2 has more than one successor",
    a_second_chain_from_the_beginning: "whose place it would take, was approved",
    the_newest_version_deleted: "3, which counted before, counts no more",
    all_but_the_first_version_deleted: "3, which counted before, counts no more",
    a_withdrawal_deleted: "are gone from the database",
    a_revocation_undone: "are gone from the database",
    a_version_that_counts_withdrawn_by_one: "withdrawn before it was approved",
    a_time_moved_in_a_statement: "with a signature that does not hold",
    a_time_moved_in_a_column: "2 was never activated then",
    the_version_that_counts_retired: "3 was never retired then",
    signatures_emptied: "cannot be read",
    certificates_emptied: "by a key that nobody certified for its person",
    a_refusal_with_half_a_character: r"cannot be read: \ud800: unknown",
    a_refusal_with_a_zero_byte: r"cannot be read: \x00: unknown",
    a_refusal_that_is_longer_than_any_event: "cannot be read: xxx",
    a_refusal_that_says_its_kind: "cannot be read: kind: unknown",
    a_certificate_said_of_a_version: "the kind 'approval-key', which nobody knows",
    many_keys_that_endorse_each_other: "by too many endorsements",
}
"""Each with what is found."""


def test_no_version_that_is_forged_by_sql_is_loaded_and_the_notary_says_so(story):
    before = Alarm.objects.filter(kind=alarms.FORGED).count()
    for attack, words in ATTACKS.items():
        with undone(*TABLES):
            attack(story)
            found = standing(keep=True)
            assert found.active is None, attack.__name__
            assert any(words in fault for fault in found.faults), found.faults
            with pytest.raises(snapshot.SnapshotUnusable):  # the gate answers 503
                snapshot._stored(1, 1, story.data)
            with pytest.raises(retention.RetentionUnclear):  # and no detail is removed
                retention.bounds()
            tell(found)
            assert details(alarms.FORGED)[-1]["faults"], attack.__name__
            assert Alarm.objects.filter(kind=alarms.FORGED, ended=None).exists()
        assert standing(keep=True).active.number == 3, f"undone: {attack.__name__}"
    assert Alarm.objects.filter(kind=alarms.FORGED).count() == before


def test_what_only_the_notary_writes_decides_nothing(story):
    with undone(*TABLES):
        run("UPDATE compliance_policyversion SET activated = NULL, retired = NULL")
        assert standing(keep=True).active.number == 3


def test_a_role_given_by_sql_signs_nothing_without_a_certified_key(story):
    with undone(*TABLES):
        mallory = person("mallory", "Policy approver", "Compliance officer")
        version = stored(OPEN)
        private, mark = key_of("olga")
        by_two(version, story.third, ("olga", private, mark), ("mallory", private, mark))
        assert standing(keep=True).active is None
        assert mallory.has_perm("compliance.approve_policyversion")


def test_a_clock_that_is_set_back_ends_no_version_that_was_seen(story):
    early = said_at(story.second, statements.APPROVAL)
    assert standing(now=early - SKEW - 1).active is None
    assert standing(now=early, keep=True).active.number == 3
