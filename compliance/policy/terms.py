"""A policy as frozen values: what its rules may look at, ask for and narrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from compliance.policy.zones import UTC
from compliance.vocabulary import Category, Effect, Obligations, OwnEntity, RequestClass

UNSPOKEN_ALLOWED = frozenset({Category.INDIRECT})
"""Of these a finding that no rule speaks of is allowed, where one speaks of the request at all;
of others it blocks the request.

A date or a firm's name says nothing of anyone by itself: a policy that does not care for them
need not name them.
"""

MAX_RULES = 1_000
MAX_OWN = 50  # entities that a policy defines
MAX_IGNORED = 200
MAX_ASSERTIONS = 20  # each is proved anew whenever a version is proposed or approved
MAX_DAYS = 3_660  # ten years
MAX_SECONDS = MAX_DAYS * 86_400
MAX_TOKENS = 10_000_000
MAX_COUNT = 1_000_000  # findings in one request
MAX_VERSION = 2**53 - 1  # what RFC 8785 numbers can hold exactly


class PolicyRefused(ValueError):
    """A policy document is not one. The message names the member and what it must be."""


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of each day, or of some days, in the policy's time zone.

    `days` are numbered from 1, Monday (ISO 8601); None means every day. `start` and `end` are
    minutes since midnight, the first within and the second without; both are None for the whole
    day. An end before the start is on the next day, which counts with the day it began on.
    """

    days: frozenset[int] | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule speaks: all given members must hold; a condition without any always holds.

    A list holds where any of its values does. `categories` and `entities` hold when a finding
    of the request is of one of them (both given: one and the same finding must satisfy both),
    and `at_least` so many such findings are there. `applications` are names; with
    `applications_except` the rule speaks for every application but these.
    """

    categories: frozenset[Category] | None = None
    entities: frozenset[str] | None = None
    at_least: int | None = None
    names_unchecked: bool | None = None
    applications: frozenset[str] | None = None
    applications_except: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    legal_bases: frozenset[str] | None = None
    owners: frozenset[str] | None = None
    declared: frozenset[Category] | None = None
    subject_countries: frozenset[str] | None = None
    high_risk: bool | None = None
    models: frozenset[str] | None = None
    licences: frozenset[str] | None = None
    publishers: frozenset[str] | None = None
    restricted: bool | None = None
    request_class: RequestClass | None = None
    tools_offered: bool | None = None
    tools: frozenset[str] | None = None
    hours: Hours | None = None

    @property
    def about_findings(self) -> bool:
        """Whether the condition speaks of findings, hence its effect of certain entities."""
        return self.categories is not None or self.entities is not None


@dataclass(frozen=True, slots=True)
class Where:
    """Which of the sites that serve the model may process the request.

    A site must be one of `sites`, or in one of `countries`, or in one of `regions`, where any
    of the three is given; and run by one of `operators`; and have all `certifications`; and
    have proved within so many seconds that nothing gets out, and been witnessed within so many.
    """

    sites: frozenset[str] | None = None
    countries: frozenset[str] | None = None
    regions: frozenset[str] | None = None
    operators: frozenset[str] | None = None
    certifications: frozenset[str] | None = None
    attested_within: int | None = None
    witnessed_within: int | None = None


NOTHING_ASKED = Obligations()


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows when a condition holds.

    `where` narrows where the request may be processed; None leaves it open. A rule that blocks
    has neither `where` nor `obligations`.
    """

    id: str
    description: str
    when: Condition
    effect: Effect
    where: Where | None = None
    obligations: Obligations = NOTHING_ASKED


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days a version lets anything be kept, at most; None leaves it open.

    `content_days` bounds prompts and answers (0: none is kept), `details_days` the details of
    events. What an application asks for counts where it is less; see `audit.retention`.
    """

    content_days: int | None = None
    details_days: int | None = None


NOTHING_SAID = Retention()


@dataclass(frozen=True, slots=True)
class Never:
    """What must never happen: certain data processed at a site that is not in a place.

    The place is `outside`, never without a member. The data are findings of one of `categories`
    and of one of `entities`, as in a condition; at least one of the two is given.
    """

    categories: frozenset[Category] | None
    entities: frozenset[str] | None
    outside: Where


@dataclass(frozen=True, slots=True)
class Assertion:
    """What the rules must keep to, whoever changes them; `prove` says whether they do.

    It decides nothing about any request.
    """

    id: str
    description: str
    never: Never


@dataclass(frozen=True, slots=True)
class Ignored:
    """Findings that do not count: all that is given must be so of a finding.

    It is of one of `entities`, in a request of one of `applications` (names), its text is one
    of `values` (in any case, blanks as one), and its score is `below` so many hundredths. At
    least one of the last two is given.
    """

    id: str
    description: str
    entities: frozenset[str] | None = None
    applications: frozenset[str] | None = None
    values: frozenset[str] | None = None
    below: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """One immutable version. `digest` is the SHA-256 of `canonical(policy)`, lower-case hex.

    `regions` is the edition of the region data that its rules mean, None where none names a
    region; `zone` the time zone (IANA) of its hours, None for UTC. `own_entities` are what is
    looked for besides, `ignored` what does not count of all that is found.
    """

    name: str
    version: int
    rules: tuple[Rule, ...]
    digest: str
    retention: Retention = NOTHING_SAID
    regions: str | None = None
    zone: str | None = None
    assertions: tuple[Assertion, ...] = ()
    own_entities: tuple[OwnEntity, ...] = ()
    ignored: tuple[Ignored, ...] = ()

    def __hash__(self) -> int:
        """The digest stands for the whole version; hashing its rules would be slow."""
        return hash(self.digest)

    @property
    def zone_name(self) -> str:
        """The time zone that its hours are in."""
        return self.zone or UTC

    @property
    def own_kinds(self) -> frozenset[tuple[Category, str]]:
        """What its own entities add to the kinds that recognisers find."""
        return frozenset((one.category, one.name) for one in self.own_entities)


def given(value: Condition | Where | Obligations | Retention | Never) -> Mapping[str, object]:
    """The members that say anything, by name, in the order of the class."""
    said = {one.name: getattr(value, one.name) for one in fields(value)}
    return {
        name: what for name, what in said.items() if what is not None and _says(value, what)
    }


def _says(value: object, what: object) -> bool:
    # An obligation that is not asked for is False there, and absent in the document.
    return not (isinstance(value, Obligations) and what is False)
