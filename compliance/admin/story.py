"""One request's whole story, from its events."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compliance.models import Event
from compliance.vocabulary import TERMINAL

FIRST = ("request.admitted", "request.blocked", "request.held", "request.refused")
"""The events that begin a story; each request has one of them."""

STATES = {
    "request.admitted": "under way",
    "request.attempt": "under way",
    "request.redecided": "under way",
    "request.held": "held",
    "hold.read": "held",
    "hold.approved": "approved",
    "hold.denied": "denied",
    "hold.expired": "expired",
    "request.blocked": "blocked",
    "request.refused": "refused",
    "request.completed": "completed",
    "request.failed": "failed",
    "request.cancelled": "cancelled",
    "request.lost": "lost",
    "privacy.scanned": "examined",
    "privacy.refused": "not examined",
}
REASONS = {
    "detection_unavailable": "The detector did not answer, so the text could not be checked.",
    "record_unavailable": "The record could not be written, so the request did not run.",
    "no_route": "No permitted site serves the model now.",
    "clearance_unavailable": "The request could not be sealed to its site.",
    "policy_blocked": "A newer version of the policy does not allow it.",
    "too_many_holds": "Too many requests of the application waited for a person already.",
    "hold_spent": "The approval that it came with was used by another request, or had ended.",
    "time_over": "Nobody used it in time.",
    "text_erased": "The text that was held was erased.",
    "output_blocked": "The policy stopped the answer.",
}

UNDECIDED = {
    "request.refused": "refused",
    "privacy.scanned": "examined only",
    "privacy.refused": "refused",
}
"""What is said in place of a decision, where no policy made one."""

STOPPING = {"block": "blocked_by", "hold": "held_by"}
"""By decision: the member of an event that names the rules because of which it is so."""

WITHOUT_DETAIL = (
    *("request.blocked", "request.completed", "request.held", "request.lost"),
    "privacy.scanned",
)
"""Steps whose words are the same whatever the detail says."""

ReceiptCheck = Callable[[Mapping[str, Any], str], str | None]

_check: ReceiptCheck | None = None


def use_receipt_check(check: ReceiptCheck) -> None:
    """Let `check(signed, request)` say what is wrong with a receipt, or None."""
    global _check  # noqa: PLW0603 - what inference knows, given once
    _check = check


@dataclass(frozen=True, slots=True)
class Step:
    """One event of the story. `after` is in milliseconds since the first."""

    event: Event
    title: str
    text: str
    after: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the node said it ran. `fault` is None if it signed this, else what is wrong."""

    said: Mapping[str, Any]
    fault: str | None
    took: int | None  # milliseconds


@dataclass(frozen=True, slots=True)
class Story:
    """All that the record knows of a request."""

    request: str
    state: str
    began: dt.datetime
    about: Mapping[str, Any]
    decision: str
    reasons: tuple[tuple[str, str], ...]  # rule, if any, and its words; if stopped: by what
    others: tuple[str, ...]  # rules that spoke too, and did not stop it
    findings: tuple[tuple[str, int], ...]
    categories: tuple[tuple[str, int], ...]
    steps: tuple[Step, ...]
    where: Mapping[str, Any]
    receipt: Receipt | None
    took: int | None  # milliseconds from the first event to the last, once it has ended
    gone: Event | None = None  # an event whose details a retention rule removed, if any


def detail(event: Event) -> dict[str, Any]:
    """An event's detail; empty where it was pruned or is not JSON."""
    try:
        said = json.loads(bytes(event.detail or b""))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def tell(events: Sequence[Event]) -> Story:
    """The story of one request; `events` are all of its events, oldest first, at least one."""
    details = [detail(event) for event in events]
    first = next((place for place, event in enumerate(events) if event.type in FIRST), 0)
    end = next((event for event in events if event.type in TERMINAL), None)
    last = end or events[-1]
    about = details[first] | _decided_last(events, details)
    undecided = UNDECIDED.get(events[first].type)
    gone = next((event for event in events if event.detail is None), None)
    unknown = "details removed" if gone else "unknown"
    decision = undecided or about.get("decision")
    reasons, others = _reasons(about)
    where: dict[str, Any] = {}
    for event, said in zip(events, details, strict=True):
        if event.type in ("request.admitted", "request.attempt", "request.redecided"):
            where |= {
                name: said[name]
                for name in ("site", "country", "model_digest", "licence", "attempt")
                if name in said
            }
    return Story(
        request=str(events[0].request),
        state=STATES.get(last.type, last.type),
        began=events[0].time,
        about=about,
        decision=str(decision or unknown),
        reasons=reasons,
        others=others,
        findings=_counts(about.get("findings")),
        categories=_counts(about.get("categories")),
        steps=tuple(
            Step(event, *_words(event.type, said), _milliseconds(event.time - events[0].time))
            for event, said in zip(events, details, strict=True)
        ),
        where=where,
        receipt=_receipt(details, str(events[0].request)),
        took=_milliseconds(end.time - events[0].time) if end else None,
        gone=gone,
    )


def _reasons(about: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The reasons, of a stopped request those that stop it; and the other rules that spoke.

    Events of earlier releases do not say which rules block: of them all are reasons.
    """
    rules = [str(rule) for rule in about.get("rules", ())]
    said = [str(reason) for reason in about.get("reasons", ())]
    reasons = tuple(zip(rules + [""] * (len(said) - len(rules)), said, strict=False))
    stopping = about.get(STOPPING.get(str(about.get("decision")), ""))
    if stopping is None:
        return reasons, ()
    return (
        tuple((rule, reason) for rule, reason in reasons if not rule or rule in stopping),
        tuple(rule for rule in rules if rule not in stopping),
    )


def _decided_last(events: Sequence[Event], details: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a newer version of the policy said, where one decided anew."""
    anew = [
        said
        for event, said in zip(events, details, strict=True)
        if event.type == "request.redecided"
    ]
    return anew[-1] if anew else {}


def _milliseconds(length: dt.timedelta) -> int:
    return round(length / dt.timedelta(milliseconds=1))


def _counts(counts: Any) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items())) if isinstance(counts, dict) else ()


def _receipt(details: Sequence[Mapping[str, Any]], request: str) -> Receipt | None:
    for said in details:
        receipt = said.get("receipt")
        if isinstance(receipt, dict):
            times = receipt.get("finished"), receipt.get("accepted")
            took = None
            if all(isinstance(moment, int) for moment in times):
                took = round((times[0] - times[1]) / 1000)  # type: ignore[operator]
            fault = _check(said, request) if _check else "nobody here can check it"
            return Receipt(receipt, fault, took)
    return None


def _words(kind: str, said: Mapping[str, Any]) -> tuple[str, str]:
    """A step's title and text; only the title where nothing is said any more."""
    reason = str(said.get("reason", ""))
    why = REASONS.get(reason, reason.replace("_", " "))
    place = f"site {said.get('site')} ({said.get('country')})"
    sentences = {
        "request.admitted": ("Admitted", f"Checked, decided, recorded; sealed for {place}."),
        "request.attempt": (
            f"Attempt {said['attempt']}" if "attempt" in said else "Another attempt",
            f"Sealed again, for {place}: {why}.",
        ),
        "request.blocked": ("Blocked", "The policy said no. Nothing was sent to a model."),
        "request.held": ("Held", "A person must approve it. Nothing was sent to a model."),
        "request.redecided": (
            "Decided anew",
            f"A newer version of the policy says {said.get('decision')}"
            + (f"; sealed for {place}." if "site" in said else "."),
        ),
        "hold.read": ("Text read", f"By {said.get('actor')}, to decide on it."),
        "hold.approved": ("Approved", f"By {said.get('actor')}: {reason}"),
        "hold.denied": ("Denied", f"By {said.get('actor')}: {reason}"),
        "hold.expired": ("Ended", why),
        "request.refused": ("Refused", why),
        "privacy.scanned": ("Examined", "No model got the texts, and none of them is kept."),
        "privacy.refused": ("Not examined", why),
        "request.completed": ("Completed", "The answer was handed to the application."),
        "request.failed": ("Failed", why),
        "request.cancelled": ("Cancelled", why or "The application hung up."),
        "request.lost": (
            "Lost",
            "The process that answered it died; the notary closed its story.",
        ),
    }
    title, text = sentences.get(kind, (kind, why))
    return title, text if said or kind in WITHOUT_DETAIL else ""
