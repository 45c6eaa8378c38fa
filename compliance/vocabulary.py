"""The frozen values and protocols that every part of Domicile speaks.

Nothing here does anything: no framework, no input or output, no clock. One concept, one
name, as listed in docs/architecture.md under "Words".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

# --- What is looked for in a text ---------------------------------------------------------


class Category(StrEnum):
    """Why a finding matters. The law distinguishes these, so rules speak of them."""

    PERSONAL = "personal"  # GDPR Art. 4(1)
    SPECIAL = "special"  # GDPR Art. 9
    CRIMINAL = "criminal"  # GDPR Art. 10
    PAYMENT = "payment"  # card and account numbers
    CREDENTIAL = "credential"  # passwords, keys and tokens
    INDIRECT = "indirect"  # identifies only together with other data (GDPR recital 26)


@dataclass(frozen=True, slots=True)
class Segment:
    """One string of a request that a model would read.

    `pointer` is its place in the request body (RFC 6901). A text in a place that must keep
    its exact value (a function name, a schema's property name) is not `replaceable`: if
    something in it would have to be changed, the request is blocked instead.
    """

    pointer: str
    text: str
    replaceable: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data or a secret at `[start, end)` of segment `segment`, in code points."""

    segment: int
    start: int
    end: int
    entity: str
    category: Category
    score: float  # in [0, 1]
    recogniser: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What a detector found in the segments of one request.

    `findings` are sorted by (segment, start) and do not overlap within a segment.
    `names_unchecked` is true when a segment is in a language whose personal names the
    loaded models do not know; it is a fact for the policy, never a silent pass.
    """

    findings: tuple[Finding, ...] = ()
    names_unchecked: bool = False
    languages: tuple[str, ...] = ()  # ISO 639-1 of each language recognised, sorted


class Checksum(StrEnum):
    """How the last characters of a number follow from the others."""

    LUHN = "luhn"  # ISO/IEC 7812-1, Annex B
    VERHOEFF = "verhoeff"
    DAMM = "damm"
    MOD_11_2 = "mod-11-2"  # this and the following: ISO/IEC 7064
    MOD_11_10 = "mod-11-10"
    MOD_37_2 = "mod-37-2"
    MOD_37_36 = "mod-37-36"
    MOD_97_10 = "mod-97-10"


@dataclass(frozen=True, slots=True)
class OwnEntity:
    """An entity type that an organisation defines for itself, such as its case numbers.

    It is found where `pattern` (RE2's syntax) matches, the `checksum` of what matches is right,
    and one of `words` stands near, where these are given; and wherever one of `always` stands.
    Values in `never` are none. `found` and `not_found` are sample texts, made up: in each of
    `found` it must be found, in none of `not_found`.
    """

    name: str  # as findings and rules call it: upper case, digits, underscores
    description: str
    category: Category
    pattern: str = ""  # empty: only `always` is looked for
    checksum: Checksum | None = None
    words: frozenset[str] = frozenset()  # empty: it counts wherever it stands
    always: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    found: tuple[str, ...] = ()
    not_found: tuple[str, ...] = ()


class DetectionFailed(Exception):
    """The detector is not loaded, erred or took too long. The request must be refused."""


# --- What may happen ----------------------------------------------------------------------


class Effect(StrEnum):
    """What a rule asks for, from the most permissive to the strictest.

    `HOLD` asks that a person looks at the request first; it never says what becomes of a text.
    """

    ALLOW = "allow"
    PSEUDONYMISE = "pseudonymise"
    MASK = "mask"
    HOLD = "hold"
    BLOCK = "block"

    @property
    def strictness(self) -> int:
        """Position in the order above: rules combine by the strictest effect."""
        return _STRICTNESS[self]


_STRICTNESS = {effect: position for position, effect in enumerate(Effect)}


class RequestClass(StrEnum):
    """How a request is answered: while somebody waits, or as one of many in a file."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


class Endpoint(StrEnum):
    """What an application can ask a model for, as OpenAI's API calls it."""

    CHAT = "chat.completions"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A site that serves the requested model, as it is configured.

    Times are in microseconds since the Unix epoch. `attested` is that of the oldest among the
    newest proofs of its active nodes that nothing gets out of them; None where one of them
    never proved it. `witnessed` is when the witness that stands at the site last cosigned this
    log; None where it never did, or where none stands there.
    """

    site: str
    country: str  # ISO 3166-1 alpha-2
    operator: str = ""  # who runs the machines there
    certifications: frozenset[str] = frozenset()
    attested: int | None = None
    witnessed: int | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """What is known of a requested model and of the sites that serve it.

    `restricted` says that its licence restricts use in the EU, `reasons` that it may write down
    how it comes to an answer, which its engine tells apart in chats only. `candidates` are
    sorted by site.
    """

    licence: str = ""  # SPDX identifier
    publisher: str = ""
    restricted: bool = False
    candidates: tuple[Candidate, ...] = ()
    reasons: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a policy may look at when it decides on one request.

    `entities` counts the findings by (category, entity). `time` is in microseconds since the
    Unix epoch. `declared` are the categories that the application's owner said it processes,
    `subject_countries` those of the people its data is about (ISO 3166-1 alpha-2), `tools` the
    names of the functions that the request offers to the model. Of the `endpoint` rules cannot
    speak; what an obligation comes to may depend on it.
    """

    application: str
    model: str
    entities: Mapping[tuple[Category, str], int] = field(default_factory=dict)
    names_unchecked: bool = False
    time: int = 0
    purpose: str = ""
    legal_basis: str = ""
    owner: str = ""
    declared: frozenset[Category] = frozenset()
    subject_countries: frozenset[str] = frozenset()
    high_risk: bool = False
    request_class: RequestClass = RequestClass.INTERACTIVE
    tools: frozenset[str] = frozenset()
    serving: Serving = Serving()
    endpoint: Endpoint = Endpoint.CHAT


@dataclass(frozen=True, slots=True)
class Obligations:
    """What must be done with a request that may go on.

    Of several the least `content_days` and `max_tokens` hold, the models that all of them
    permit, and each of `DUTIES` where any asks for it; so it is with each category of
    `mask_answers` and `block_answers`, of which blocking is the stricter.
    """

    content_days: int | None = None  # content is kept so long at most; 0: never
    mark_output: bool = False  # the answer says that a machine wrote it (AI Act Art. 50)
    max_tokens: int | None = None
    models: frozenset[str] | None = None  # the permitted ones
    review: bool = False  # a person must look at the answer
    withhold_reasoning: bool = False  # the caller gets the answer without how it came about
    realistic_pseudonyms: bool = False  # names stand for names, in place of tokens
    mask_answers: frozenset[Category] | None = None  # what of these only the answer holds
    block_answers: frozenset[Category] | None = None

    def asks(self, duty: str) -> bool:
        """Whether it asks for one of `DUTIES` or `ANSWER_DUTIES`, or for something stricter."""
        member, _, category = duty.partition(":")
        if not category:
            return bool(getattr(self, member))
        stricter = self.block_answers or frozenset()
        asked = stricter | (getattr(self, member) or frozenset())
        return category in asked

    def answer_effect(self, category: Category) -> Effect:
        """What becomes of something that stands in the answer and not in the request."""
        if self.block_answers and category in self.block_answers:
            return Effect.BLOCK
        masked = self.mask_answers is not None and category in self.mask_answers
        return Effect.MASK if masked else Effect.ALLOW

    @property
    def screens(self) -> bool:
        """Whether the answer must be looked at before its caller gets it."""
        return bool(self.mask_answers or self.block_answers)


STRICTER_DUTIES = ("mark_output", "review", "withhold_reasoning")
"""The obligations that are asked for, or not, without which a policy is laxer."""

DUTIES = (*STRICTER_DUTIES, "realistic_pseudonyms")
"""All obligations that are asked for, or not."""

ANSWER_DUTIES = tuple(
    f"{member}:{category}"
    for member in ("mask_answers", "block_answers")
    for category in Category
)
"""What of an answer must be masked, or end it, by category."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The policy's answer for one request.

    `effect` is the strictest that any rule asked for; `treatments` says, per entity found,
    what becomes of it (never `HOLD`: a hold stops the request, it does not treat a text).
    `rules` are the ids of the rules that spoke, sorted, `reasons` their descriptions in the
    same order. `sites` are the names of the sites that serve the model and where the request
    may be processed, sorted; None where no rule that spoke narrows them, empty where none is
    left. `excluded` names, for each site that is left out, the first rule (by id) that does
    so. `held_by` are the ids of the hold rules that no approval satisfied; `effect` is `HOLD`
    or `BLOCK` then. `blocked_by` are those of the rules that block; a request can be blocked
    without any, for a reason that follows those of the rules. `not_enforced` are the ids of
    rules that no loaded recogniser could have triggered.
    """

    effect: Effect
    treatments: Mapping[str, Effect]
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    policy: str
    version: int
    digest: str  # SHA-256 of the version's canonical JSON, lower-case hex
    sites: tuple[str, ...] | None = None
    not_enforced: tuple[str, ...] = ()
    obligations: Obligations = Obligations()
    held_by: tuple[str, ...] = ()
    blocked_by: tuple[str, ...] = ()
    excluded: Mapping[str, str] = field(default_factory=dict)

    @property
    def besides(self) -> tuple[str, ...]:
        """The reasons that no rule gives."""
        return self.reasons[len(self.rules) :]

    @property
    def stops(self) -> tuple[str, ...]:
        """Why it does not go on: by the rules that block it, or else hold it, and besides.

        Empty where it goes on.
        """
        if self.effect not in (Effect.BLOCK, Effect.HOLD):
            return ()
        stopping = self.blocked_by if self.effect is Effect.BLOCK else self.held_by
        said = zip(self.rules, self.reasons, strict=False)
        return (*(reason for rule, reason in said if rule in stopping), *self.besides)


# --- Who asks -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Application:
    """A client of the API, as the hot path knows it. Limits are per minute; 0 means none."""

    id: str  # UUID
    name: str
    purpose: str
    legal_basis: str
    ropa_reference: str
    label_key: bytes  # 32 bytes; entries carry HMAC-SHA-256(label_key, request id)
    requests_per_minute: int
    tokens_per_minute: int
    concurrent_requests: int
    content_days: int = 0  # for so many days what it asks and gets is kept; 0: never
    owner: str = ""  # the unit that answers for it
    declared: frozenset[Category] = frozenset()  # the categories that it is said to process
    subject_countries: frozenset[str] = frozenset()  # ISO 3166-1 alpha-2
    high_risk: bool = False  # a high-risk AI system (AI Act Art. 6)


@dataclass(frozen=True, slots=True)
class Request:
    """One call of an inference endpoint, before anything was decided about it.

    `body` is what the engine would get (OpenAI's schema, already validated); `segments`
    point into it. `subjects` are blind-index values (HMAC-SHA-256, hex) of the persons the
    client named. `id` is 32 lower-case hex digits: the second in eight, then 96 bits from a
    secure random source. `received` is in microseconds since the Unix epoch.
    """

    id: str
    application: Application
    api_key: str  # the key's public prefix
    endpoint: Endpoint
    model: str
    stream: bool
    body: Mapping[str, Any]
    segments: tuple[Segment, ...]
    subjects: tuple[str, ...]
    received: int
    request_class: RequestClass = RequestClass.INTERACTIVE


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request may be answered: a model served at a site."""

    site: str
    country: str  # ISO 3166-1 alpha-2
    site_key: bytes  # X25519 public key, 32 bytes
    model: str
    model_digest: str  # SHA-256 of the weights, lower-case hex
    licence: str  # SPDX identifier
    queue: str  # inference.<site>.<model>
    base: str = ""  # of an adapter: the model whose engine answers with it


# --- What is recorded ---------------------------------------------------------------------

TERMINAL = frozenset(
    {"request.completed", "request.failed", "request.cancelled", "request.lost"}
)


@dataclass(frozen=True, slots=True)
class Content:
    """What is kept of a request beside the log, and only until it expires or is erased.

    `part` is `prompt`, `output` or `held`; `text` is canonical JSON (RFC 8785). `expires` is in
    microseconds since the Unix epoch. `subjects` are blind-index values of the persons that the
    text may be about: the request's own and those of strong identifiers found in it.
    """

    part: str
    text: bytes
    expires: int
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """That a request waits for a person, until `expires` (microseconds since the Unix epoch).

    `binding` is the keyed digest of the canonical request, lower-case hex; `rules` are the ids
    of the rules that held it.
    """

    binding: str
    rules: tuple[str, ...]
    expires: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that matters and must be on the record.

    `detail` holds strings, integers, booleans, lists and objects of these: no floats, so that
    its canonical JSON (RFC 8785) is the same in every language. `time` is in microseconds
    since the Unix epoch. `label_key` is the application's (see `Application`). `content`, where
    it is kept, becomes durable with the event; the log holds a commitment to it, no more.
    `hold` becomes durable with the event too, under the id of the event's request. `uses` is
    the id of a hold whose approval the event uses up: both happen, or neither does.
    """

    type: str
    time: int
    detail: Mapping[str, Any]
    request: str | None = None
    application: str | None = None  # the application's id
    label_key: bytes | None = None
    content: Content | None = None
    hold: Hold | None = None
    uses: str | None = None


class RecordUnavailable(Exception):
    """An event could not be made durable. What it would have recorded must not happen."""


class ApprovalSpent(RecordUnavailable):
    """The approval that an event was to use up does not stand any more."""


# --- What the gate is given ---------------------------------------------------------------


class Scanner(Protocol):
    """Finds what stands in segments, the organisation's own entities among it.

    Raises `DetectionFailed`.
    """

    def __call__(
        self, segments: Sequence[Segment], own: Sequence[OwnEntity] = (), /
    ) -> Awaitable[Scan]:
        """What was found."""


Append = Callable[[Sequence[Event]], Awaitable[None]]
"""Returns once the events are durable; raises `RecordUnavailable`."""


class NoRoute(Exception):
    """No permitted site serves the model now. The message says which were considered."""


class Route(Protocol):
    """Chooses a permitted place for a model; raises `NoRoute`."""

    def __call__(self, model: str, sites: tuple[str, ...] | None) -> Place: ...


class TooManyHolds(Exception):
    """So many requests of the application wait for a person that no more may."""


class Holder(Protocol):
    """Looks after requests that wait for a person's approval."""

    async def keep(self, request: Request, text: bytes) -> tuple[Content, Hold]:
        """The text that the approver reads, encrypted under a key of the hold's own.

        Both become durable with the event that they are given to. Raises `TooManyHolds`, and
        `RecordUnavailable` where the key cannot be made. `Hold.rules` is for the caller to say.
        """
        ...

    async def forget(self, request: str) -> None:
        """Destroy the key of a hold that did not become durable."""
        ...


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's word that the request held as `hold` may go on, as far as `rules` held it.

    They are ids with the digests of what they said then: a rule rewritten since is another one.
    It serves one request, once: the one whose event `uses` it up. `ended` says why it does not
    serve any more (`used` or `expired`), and raises `RecordUnavailable`. `used` has what was
    kept for the approver destroyed, and does not wait for it.
    """

    hold: str
    rules: Mapping[str, str]
    ended: Callable[[], Awaitable[str]]
    used: Callable[[], None]


TicketT_co = TypeVar("TicketT_co", covariant=True)


class Seal(Protocol[TicketT_co]):
    """Seals a body to the site of `place`; attempt counts from 1."""

    def __call__(
        self, request: Request, body: Mapping[str, Any], place: Place, attempt: int
    ) -> TicketT_co: ...
