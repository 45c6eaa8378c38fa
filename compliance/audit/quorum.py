"""Which witnesses must have cosigned a checkpoint (C2SP tlog-policy): k of n, in groups.

    log <verifier key> [<address>]
    witness <name> <verifier key> [<address>]
    group <name> all | any | <k> <name>…
    quorum <name> | none

Names count within the policy only; a witness is known by its verifier key.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from compliance.audit import checkpoint, cosignature
from compliance.audit.checkpoint import CheckpointInvalid

TEXT_MAX = 64 * 1024  # characters
NONE = "none"
_NUMBER = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class PolicyInvalid(Exception):
    """The policy says something that cannot be meant. The message names the line."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs notes: the name and the Ed25519 public key of a verifier key."""

    name: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Group:
    """Has witnessed what at least `needed` of its members have."""

    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that holds together; `witnesses` and `groups` by their names in it."""

    logs: tuple[Signer, ...] = ()
    witnesses: Mapping[str, Signer] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NONE

    def met(self, cosigned: Collection[str]) -> bool:
        """Whether these witnesses, by their names in the policy, are enough."""
        return self.quorum == NONE or self._witnessed(self.quorum, cosigned)

    def _witnessed(self, name: str, cosigned: Collection[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in cosigned
        count = sum(self._witnessed(member, cosigned) for member in group.members)
        return count >= group.needed


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a policy says of a note: whether enough cosigned, who did and when, who did not.

    Names are those of the policy; times are seconds since 1970.
    """

    met: bool
    signed: Mapping[str, int]
    absent: Sequence[str]
    listed: bool = True  # whether the policy knows the log, or names none

    @property
    def words(self) -> str:
        """The judgement in a sentence."""
        if not self.listed:
            return "NOT witnessed as the policy demands: it names other logs than this."
        by = ", ".join(self.signed) or "nobody"
        if self.met and not self.signed:
            return "The policy demands no witness."
        if self.met:
            return f"Witnessed by {by}, as the policy demands."
        return f"NOT witnessed by {', '.join(self.absent)}; the policy is not met (by {by})."


def judge(policy: Policy, note: bytes) -> Judgement:
    """Hold a note's signatures against a policy; one that is false is none.

    Raises `CheckpointInvalid` for a note that is malformed.
    """
    checkpoint.split_note(note)
    listed = not policy.logs or any(
        checkpoint.is_signed(note, log.name, log.key) for log in policy.logs
    )
    signed: dict[str, int] = {}
    for name, witness in policy.witnesses.items():
        try:
            moment = cosignature.cosigned(note, witness.name, witness.key)
        except CheckpointInvalid:
            continue
        if moment is not None:
            signed[name] = moment
    absent = tuple(name for name in policy.witnesses if name not in signed)
    return Judgement(listed and policy.met(signed), signed, absent, listed)


def parse(text: str) -> Policy:
    """The policy in a text; raises `PolicyInvalid`."""
    if len(text) > TEXT_MAX:
        raise PolicyInvalid(f"A policy has at most {TEXT_MAX} characters.")
    found = _Parsed()
    for number, line in enumerate(text.split("\n"), 1):
        if _CONTROL.search(line):
            raise PolicyInvalid(f"Line {number}: it has a control character.")
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            found.take(words)
        except (PolicyInvalid, CheckpointInvalid) as error:
            raise PolicyInvalid(f"Line {number}: {error}") from error
    if found.quorum is None:
        raise PolicyInvalid(
            "There is no line `quorum`: say which witness or group must have cosigned, or none."
        )
    return Policy(tuple(found.logs), found.witnesses, found.groups, found.quorum)


class _Parsed:
    """What the lines up to here have said."""

    def __init__(self) -> None:
        self.logs: list[Signer] = []
        self.witnesses: dict[str, Signer] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._listed: set[str] = set()

    def take(self, words: list[str]) -> None:
        """One line more."""
        match words:
            case ["log", key] | ["log", key, _]:
                signer = Signer(*checkpoint.parse_verifier_key(key))
                _once(signer, self.logs, "log")
                self.logs.append(signer)
            case ["witness", name, key] | ["witness", name, key, _]:
                self._new(name)
                signer = Signer(*cosignature.parse_verifier_key(key))
                _once(signer, self.witnesses.values(), "witness")
                self.witnesses[name] = signer
            case ["group", name, needed, *members] if members:
                self._new(name)
                self.groups[name] = self._group(needed, members)
            case ["quorum", name]:
                if self.quorum is not None:
                    raise PolicyInvalid("there is a quorum already; one is enough.")
                if name != NONE:
                    self._known(name)
                self.quorum = name
            case [first, *_] if first in ("log", "witness", "group", "quorum"):
                raise PolicyInvalid(f"`{first}` has too few words or too many.")
            case _:
                raise PolicyInvalid(
                    "a line begins with log, witness, group or quorum, or with # for a comment."
                )

    def _group(self, needed: str, members: list[str]) -> Group:
        for member in members:
            self._known(member)
            if member in self._listed:
                raise PolicyInvalid(f"{member[:80]} is in a group already.")
            self._listed.add(member)
        count = {"all": len(members), "any": 1}.get(needed)
        if count is None:
            count = int(needed) if _NUMBER.fullmatch(needed) else 0
        if not 1 <= count <= len(members):
            raise PolicyInvalid(
                f"all, any or a number up to {len(members)} of the members can be needed, not "
                f"{needed[:20]}."
            )
        return Group(count, tuple(members))

    def _new(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise PolicyInvalid(f"the name {name[:80]} is taken.")

    def _known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise PolicyInvalid(f"no line above defines {name[:80]}.")


def _once(signer: Signer, others: Iterable[Signer], what: str) -> None:
    if any(other.key == signer.key for other in others):
        raise PolicyInvalid(f"this {what}'s public key is in a line above.")
