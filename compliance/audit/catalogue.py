"""Every type of event: what it says, in which members, who records it, whether it names people.

The one table behind docs/events.md, the console's filter and its words. A test holds what the
code appends against it. A type that is no longer recorded stays: old logs hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WEB, NOTARY, COMMAND, RECORDS = "web", "notary", "command", "records"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of event.

    `members` are those that its detail may have, by spaces, beside `time` (`members.WORDS`
    says what each is). `by` is the process that records it. `personal`:
    its detail names or points to a person; `entry` never does.
    """

    type: str
    words: str
    members: str
    by: str
    personal: bool = False


_WHO = (
    "application api_key endpoint legal_basis model purpose received ropa_reference stream"
    " subjects"
)
_DECIDED_ANEW = (
    "decision findings categories languages names_unchecked policy rules reasons"
    " rules_not_enforced facts obligations held_by blocked_by ignored excluded"
)
_DECIDED = _WHO + " " + _DECIDED_ANEW
_EXAMINED = (
    "application api_key endpoint legal_basis purpose received ropa_reference subjects texts"
)
_SIGNED = " statement signature"
_APPROVAL_KEY = "actor person role public_key fingerprint"
_PLACE = " site country model_digest licence"
_ENDED = "answer_findings attempts site chunks receipt signature reason error content"
_APPLICATION = (
    " purpose legal_basis ropa_reference owner data_categories subject_countries active"
    " requests_per_minute tokens_per_minute"
    " concurrent_requests content_days details_days high_risk retention_reason"
)

GROUPS: Mapping[str, tuple[Kind, ...]] = {
    "Requests": (
        Kind(
            "request.admitted",
            "checked, decided and cleared; owes one end",
            _DECIDED + " attempt hold max_tokens" + _PLACE,
            WEB,
            personal=True,
        ),
        Kind(
            "request.attempt",
            "sent again: nothing had come of the attempt before",
            "attempt reason" + _PLACE,
            WEB,
        ),
        Kind(
            "request.redecided",
            "decided anew by a newer version of the policy, before a node began it",
            _DECIDED_ANEW + " attempt" + _PLACE,
            WEB,
        ),
        Kind("request.blocked", "the policy said no", _DECIDED, WEB, personal=True),
        Kind(
            "request.held",
            "a person must approve it first",
            _DECIDED + " hold expires binding rule_digests",
            WEB,
            personal=True,
        ),
        Kind(
            "request.refused",
            "could not be checked, recorded or placed",
            _DECIDED + " reason hold",
            WEB,
            personal=True,
        ),
        Kind("request.completed", "answered to the end", _ENDED, WEB),
        Kind("request.failed", "ended by an error", _ENDED, WEB),
        Kind("request.cancelled", "ended by its caller", _ENDED, WEB),
        Kind(
            "request.lost", "its web process died before its end", "reason source epoch", NOTARY
        ),
        Kind(
            "rejections",
            "calls turned away before anything was read, counted by key and reason; those for a"
            " registered model that is not there for the caller by its name",
            "api_key reason model count since until",
            WEB,
        ),
    ),
    "Scans": (
        Kind(
            "privacy.scanned",
            "an application had texts examined for personal data; no model got them",
            _EXAMINED + " findings categories languages names_unchecked ignored",
            WEB,
            personal=True,
        ),
        Kind(
            "privacy.refused",
            "texts that an application wanted examined could not be",
            _EXAMINED + " reason",
            WEB,
            personal=True,
        ),
    ),
    "Holds": (
        Kind(
            "hold.read",
            "somebody who may approve a held request read its text",
            "actor hold",
            WEB,
            personal=True,
        ),
        Kind(
            "hold.approved",
            "a person approved a held request; satisfies the rules that held it, once",
            "actor hold rules reason",
            WEB,
            personal=True,
        ),
        Kind(
            "hold.denied",
            "a person denied a held request",
            "actor hold rules reason",
            WEB,
            personal=True,
        ),
        Kind(
            "hold.expired",
            "a held request waited too long, or its text was erased",
            "hold reason",
            RECORDS,
        ),
    ),
    "Rules": (
        Kind(
            "application.registered",
            "an application was entered",
            "actor name label_key_sha256" + _APPLICATION,
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "application.changed",
            "an application was changed",
            "actor application changes",
            WEB,
            personal=True,
        ),
        Kind(
            "api_key.issued",
            "a key was issued",
            "actor prefix note expires",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind("api_key.revoked", "a key was revoked", "actor prefix", WEB, personal=True),
        Kind(
            "adapter.granted",
            "an application may ask for an adapter from now on",
            "actor application adapter",
            WEB,
            personal=True,
        ),
        Kind(
            "adapter.withdrawn",
            "that was taken back",
            "actor application adapter",
            WEB,
            personal=True,
        ),
        Kind(
            "policy.activated",
            "a version of the policy became the active one",
            "actor policy since statement signature",
            f"{NOTARY}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "policy.proved",
            "somebody asked a question about a policy, and a solver answered",
            "actor policy question never compared verdict spent",
            WEB,
            personal=True,
        ),
        Kind(
            "policy.simulation_started",
            "somebody had a policy tried on the facts of recorded requests",
            "actor simulation digest days",
            WEB,
            personal=True,
        ),
        Kind(
            "policy.simulation_cancelled",
            "such a simulation was stopped",
            "actor simulation",
            WEB,
            personal=True,
        ),
        Kind(
            "policy.simulated",
            "how many requests the policy would have decided otherwise",
            "actor simulation digest days requests decided_otherwise without_facts",
            RECORDS,
        ),
        Kind(
            "policy.installed",
            "the installer signed the version that an earlier release had activated",
            "actor policy statement signature",
            COMMAND,
        ),
        Kind(
            "policy.proposed",
            "a person signed a new version, for somebody else to approve",
            "actor policy previous note assertions" + _SIGNED,
            WEB,
            personal=True,
        ),
        Kind(
            "policy.approved",
            "a second person signed it; it counts from the time that is named",
            "actor policy active_from recall assertions" + _SIGNED,
            WEB,
            personal=True,
        ),
        Kind(
            "policy.declined",
            "an approver refused a version that was proposed",
            "actor policy reason",
            WEB,
            personal=True,
        ),
        Kind(
            "policy.withdrawn",
            "a version was taken back before it counted",
            "actor policy reason" + _SIGNED,
            WEB,
            personal=True,
        ),
        Kind(
            "policy.tightened",
            "one person added rules that block, or let less be kept, at once",
            "actor policy previous reason" + _SIGNED,
            WEB,
            personal=True,
        ),
        Kind(
            "policy.restored",
            "an older policy is meant: what was seen of newer ones is forgotten here",
            "actor policy reason last_seen gone",
            COMMAND,
            personal=True,
        ),
        Kind(
            "approval_key.created",
            "a person made a key for proposing or approving policies",
            _APPROVAL_KEY + _SIGNED,
            WEB,
            personal=True,
        ),
        Kind(
            "approval_key.endorsed",
            "an approver certified another person's key",
            _APPROVAL_KEY + _SIGNED,
            WEB,
            personal=True,
        ),
        Kind(
            "approval_key.recovered",
            "the installer key certified a person's key, as no approver could",
            _APPROVAL_KEY + " reason" + _SIGNED,
            f"{NOTARY}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "approval_key.resealed",
            "a key was sealed under its person's new password",
            _APPROVAL_KEY,
            WEB,
            personal=True,
        ),
        Kind(
            "approval_key.revoked",
            "a key signs no more; what it signed before stays valid",
            _APPROVAL_KEY + " reason",
            WEB,
            personal=True,
        ),
    ),
    "People": (
        Kind("login", "somebody logged in to the console", "actor", WEB, personal=True),
        Kind(
            "login.failed",
            "a login failed; of a flood, only how many",
            "actor not_recorded",
            WEB,
            personal=True,
        ),
        Kind("login.locked", "too many logins failed; locked", "actor", WEB, personal=True),
        Kind(
            "logout", "somebody logged out, or was idle too long", "actor", WEB, personal=True
        ),
        Kind(
            "user.created",
            "a person was entered, with roles",
            "actor user groups administrator",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "user.changed",
            "a person's roles changed, or whether the person may log in",
            "actor user changes",
            WEB,
            personal=True,
        ),
        Kind(
            "user.password_changed", "a new password was set", "actor user", WEB, personal=True
        ),
        Kind(
            "user.password_rehashed",
            "a login stored its password anew, in a stronger way",
            "actor user",
            WEB,
            personal=True,
        ),
        Kind("roles.set", "which rights each role has, at set-up", "actor roles", COMMAND),
        Kind("roles.changed", "an upgrade changed the rights of roles", "actor roles", COMMAND),
    ),
    "Machines": (
        Kind(
            "site.registered",
            "a site was registered",
            "actor site country public_key operator certifications",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "site.changed",
            "what is said of a site was changed",
            "actor site changes",
            WEB,
            personal=True,
        ),
        Kind(
            "site.keyed",
            "a site got its public key, from the first node approved there",
            "actor site node public_key",
            WEB,
            personal=True,
        ),
        Kind("site.activated", "a site was switched on", "actor site", WEB, personal=True),
        Kind("site.deactivated", "a site was switched off", "actor site", WEB, personal=True),
        Kind(
            "enrolment.opened",
            "a token was made, with which one machine may ask to be enrolled",
            "actor site expires",
            WEB,
            personal=True,
        ),
        Kind(
            "enrolment.withdrawn",
            "such a token was taken back",
            "actor site",
            WEB,
            personal=True,
        ),
        Kind(
            "enrolment.requested",
            "a machine asked with its token; its keys count for nothing yet",
            "node site model public_key site_public_key",
            WEB,
        ),
        Kind(
            "enrolment.refused",
            "a machine asked and was not heard; of a flood, only how many",
            "reason site not_recorded",
            WEB,
        ),
        Kind(
            "enrolment.declined",
            "an operator did not approve a machine",
            "actor node site reason",
            WEB,
            personal=True,
        ),
        Kind(
            "node.enrolled",
            "a node was enrolled: set up, or approved by an operator",
            "actor node site public_key",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "node.registered",
            "a node was enrolled; so called by earlier releases",
            "actor node site public_key",
            COMMAND,
        ),
        Kind("node.activated", "a node was switched on", "actor node", WEB, personal=True),
        Kind("node.deactivated", "a node was switched off", "actor node", WEB, personal=True),
        Kind(
            "node.opened",
            "a closed node was opened again, and why",
            "actor node reason",
            WEB,
            personal=True,
        ),
        Kind(
            "model.registered",
            "a model was registered by its weights",
            "actor model kind digest licence licence_digest origin bytes base method note"
            " signer eu_restriction",
            COMMAND,
        ),
        Kind(
            "model.import_refused",
            "what should have become a model did not",
            "actor model file reason",
            COMMAND,
        ),
        Kind("model.removed", "a model was taken out", "actor model digest", COMMAND),
        Kind(
            "model.licence_accepted",
            "the licence of a model was accepted: it may serve",
            "actor model digest licence licence_digest",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "model.licence_withdrawn",
            "that was taken back: it may serve no more",
            "actor model digest licence licence_digest reason",
            WEB,
            personal=True,
        ),
        Kind(
            "model.changed",
            "what is said of a model was changed",
            "actor model changes",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "deployment.created",
            "a site was to serve a model with so many nodes",
            "actor model site replicas",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "deployment.changed",
            "with another number of nodes",
            "actor model site changes",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "deployment.removed",
            "a site was to serve a model no more",
            "actor model site nodes",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "deployment.activated",
            "a deployment was switched on",
            "actor deployment",
            WEB,
            personal=True,
        ),
        Kind(
            "deployment.deactivated",
            "a deployment was switched off",
            "actor deployment",
            WEB,
            personal=True,
        ),
        Kind(
            "placement.created",
            "a node was to serve a deployment: chosen by a person, or by what a person did",
            "actor model site node pinned",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "placement.pinned",
            "a person chose the node that serves it already",
            "actor model site node",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "placement.removed",
            "a node was to serve a deployment no more",
            "actor model site node",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "placement.activated",
            "a node was to serve a deployment again from which a person had kept it",
            "actor placement",
            WEB,
            personal=True,
        ),
        Kind(
            "placement.deactivated",
            "a person kept a node from serving a deployment",
            "actor placement",
            WEB,
            personal=True,
        ),
        Kind(
            "engine.started",
            "a node verified the weights and started an engine; its signed word",
            "node site model weights engine statement signature",
            WEB,
        ),
        Kind(
            "engine.refused",
            "a node's signed word that it did not start an engine: a file of its model is not"
            " as it was registered; an alarm",
            "node site model file reason drift signature not_recorded",
            WEB,
        ),
        Kind(
            "ticket.refused",
            "a node's signed word that it did not run a ticket; of those that did not open, not"
            " each",
            "node site reason attempt refusal signature not_recorded",
            WEB,
        ),
        Kind(
            "statement.refused",
            "a node's word that was not believed",
            "reason node not_recorded",
            WEB,
        ),
        Kind(
            "node.inventory",
            "a node told over its signature what its machine is: at first, and when GPUs,"
            " driver or engines changed",
            "node site cpu driver cuda gpus engines",
            WEB,
        ),
        Kind(
            "canary.confined",
            "a node's canary tried to get out and could not; one an hour, and each change",
            "node site layers reason report signature",
            WEB,
        ),
        Kind(
            "canary.unconfined",
            "a node's canary saw nothing that holds it, and tried nothing; once per change",
            "node site layers reason report signature",
            WEB,
        ),
        Kind(
            "canary.escaped",
            "a node's canary got out; the node takes no requests until it is opened again",
            "node site layers reached report signature",
            WEB,
        ),
    ),
    "The log": (
        Kind("writer.started", "a web process began to record", "epoch process", WEB),
        Kind("writer.stopped", "a web process stopped recording", "events", WEB),
        Kind(
            "writer.lost", "a web process died while recording", "source epoch events", NOTARY
        ),
        Kind("notary.started", "the notary began to lead the log", "process size", NOTARY),
        Kind("clock.jumped", "the wall clock was set", "milliseconds", NOTARY),
        Kind(
            "log.verification_started",
            "somebody had the log verified",
            "actor verification",
            WEB,
            personal=True,
        ),
        Kind(
            "log.verified",
            "what came out of it",
            "actor verification verdict",
            WEB,
            personal=True,
        ),
        Kind(
            "log.resumed",
            "entry 0 of a new generation, after a restore; names what was lost",
            "actor also_lost checked checkpoint database_root database_size first generation"
            " key_rotations lost_begin lost_end old_origin old_root old_size reason witnesses",
            COMMAND,
            personal=True,
        ),
        Kind(
            "log.key_added",
            "the key that signs checkpoints a second time, by ML-DSA-44",
            "verifier_key",
            NOTARY,
        ),
        Kind(
            "log.key_rotated",
            "the key that signs checkpoints was replaced; the old one signs for the new",
            "actor handover reason verifier_key verifier_key_before",
            COMMAND,
            personal=True,
        ),
    ),
    "Witnesses": (
        Kind(
            "witnessed_log.registered",
            "another log is to be cosigned here",
            "actor verifier_keys note active origin",
            WEB,
            personal=True,
        ),
        Kind(
            "witnessed_log.changed",
            "what is said of such a log was changed",
            "actor witnessed_log changes",
            WEB,
            personal=True,
        ),
        Kind(
            "witnessed_log.key_followed",
            "such a log rotated its key, and its old key vouches for the new",
            "log verifier_key",
            WEB,
        ),
        Kind(
            "witness.cosigned",
            "another log's checkpoint was cosigned; an hour's are one event",
            "log size root not_recorded",
            WEB,
        ),
        Kind(
            "witness.refused",
            "a signed checkpoint of another log was not cosigned; once an hour for each reason",
            "log size root known reason not_recorded",
            WEB,
        ),
        Kind(
            "witness.registered",
            "a witness is to cosign this log",
            "actor name verifier_key address site active",
            WEB,
            personal=True,
        ),
        Kind(
            "witness.changed",
            "what is said of a witness was changed",
            "actor witness changes reason",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "witness.conflict",
            "a witness contradicts this log; if proven, nothing is signed until it is resumed",
            "witness reason size known checkpoint",
            f"{NOTARY}, {COMMAND}",
        ),
        Kind(
            "witness.policy_changed",
            "which witnesses must cosign was changed",
            "actor text text_before",
            f"{WEB}, {COMMAND}",
            personal=True,
        ),
    ),
    "Content and retention": (
        Kind(
            "content.disclosed",
            "kept content was shown or exported, and why",
            "actor reason request requests",
            WEB,
            personal=True,
        ),
        Kind(
            "content.erased",
            "kept content was erased, of a person or a request",
            "actor kind reason request subject requests buckets",
            f"{RECORDS}, {COMMAND}",
            personal=True,
        ),
        Kind(
            "content.expired",
            "kept content went as its time was over",
            "requests buckets",
            RECORDS,
        ),
        Kind(
            "record.pruned",
            "details were removed by a retention rule",
            "generation begin end application before count rule reason",
            f"{NOTARY}, {COMMAND}",
        ),
    ),
    "Evidence": (
        Kind(
            "evidence.exported",
            "evidence was made",
            "actor applications begin details end form manifest sha256 size",
            RECORDS,
            personal=True,
        ),
        Kind(
            "evidence.requested",
            "somebody asked for an export",
            "actor export form scope",
            WEB,
            personal=True,
        ),
        Kind("evidence.cancelled", "an export was stopped", "actor export", WEB, personal=True),
        Kind(
            "evidence.downloaded",
            "an export was downloaded",
            "actor export file sha256",
            WEB,
            personal=True,
        ),
        Kind(
            "evidence.removed",
            "an export's file was deleted",
            "actor export file reason sha256",
            RECORDS,
            personal=True,
        ),
        Kind(
            "detail.disclosed",
            "a proof with an entry's detail was made",
            "actor entry origin",
            COMMAND,
            personal=True,
        ),
        Kind(
            "pack.answered",
            "an officer filled in a field of a pack",
            "actor pack field empty application case model_digest",
            WEB,
            personal=True,
        ),
        Kind(
            "pack.exported",
            "evidence was made in a regulation's form",
            "actor applications begin case end fields manifest pack period ranges",
            f"{WEB}, {RECORDS}, {COMMAND}",
            personal=True,
        ),
    ),
    "Appliance": (
        Kind(
            "configuration.loaded",
            "a web process or the notary began with another configuration than the last",
            "process values changed",
            f"{WEB}, {NOTARY}",
        ),
        Kind(
            "key.rotated",
            "a key was replaced",
            "actor key fingerprint public_key public_key_before",
            COMMAND,
        ),
        Kind("backup.started", "a backup was begun", "actor keys", COMMAND),
        Kind("backup.made", "a backup was made", "actor files keys sha256", COMMAND),
        Kind("backup.restored", "a backup was restored", "actor backup_made", COMMAND),
        Kind(
            "restore",
            "a backup was restored; so called by earlier releases",
            "actor backup_made",
            COMMAND,
        ),
    ),
    "Alarms": (
        Kind(
            "change.unrecorded",
            "a governed table changed and no event said so",
            "table verb key rows columns count first last",
            NOTARY,
        ),
        Kind(
            "triggers.missing", "triggers that protect the record are gone", "triggers", NOTARY
        ),
        Kind("triggers.restored", "they stand again", "", NOTARY),
        Kind(
            "policy.forged",
            "a version claims to count and is not what people signed; nothing is decided",
            "faults",
            NOTARY,
        ),
        Kind("policy.sound", "the policy is again what people signed", "", NOTARY),
        Kind("disk.low", "requests are refused: the disk is nearly full", "free floor", NOTARY),
        Kind("disk.recovered", "there is room again", "free floor", NOTARY),
        Kind(
            "alarm.acknowledged",
            "an officer looked into an alarm, and what was found",
            "actor alarm subject count note",
            WEB,
            personal=True,
        ),
    ),
}

KINDS: Mapping[str, Kind] = {kind.type: kind for kinds in GROUPS.values() for kind in kinds}


def words(kind: str) -> str:
    """What a type says, for people; empty for one that is not ours."""
    known = KINDS.get(kind)
    return known.words if known else ""


def unknown(kind: str, detail: Mapping[str, object]) -> list[str]:
    """What of an event is not in the table: its type, or members of its detail."""
    known = KINDS.get(kind)
    if known is None:
        return [f"the type {kind}"]
    extra = sorted({*detail} - {*known.members.split(), "time"})
    return [f"{kind}: the member {name}" for name in extra]
