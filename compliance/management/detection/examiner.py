"""What a detector finds in texts, and what of it counts under a policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from compliance.detection.detector import Detector
from compliance.detection.own import OwnEntities
from compliance.detection.processes.examined import joined
from compliance.management.detection.whole import Window, windows
from compliance.policy.ignored import counted
from compliance.policy.terms import Policy
from compliance.vocabulary import Finding, Segment


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in a text, or in a window of one; places are the text's."""

    findings: tuple[Finding, ...]
    names_unchecked: bool
    languages: frozenset[str]


class Examiner:
    """A detector with what a policy defines and leaves out for an application.

    Raises `DetectionFailed` where it cannot be loaded, `PatternRefused` for a definition.
    """

    def __init__(self, policy: Policy | None, application: str) -> None:
        self._detector = Detector()
        self._policy = policy
        self._application = application
        if policy is not None:
            self._detector.own = OwnEntities(policy.own_entities)

    def each(self, texts: Sequence[str]) -> list[Found]:
        """What stands in each of several texts; raises `DetectionFailed`."""
        divided = [list(windows([text])) for text in texts]
        found = iter(self._examined([window for each in divided for window in each]))
        return [_whole([next(found) for _ in each]) for each in divided]

    def along(self, parts: Iterable[Window]) -> Iterator[tuple[Window, Found]]:
        """What stands in a text, window after window; raises `DetectionFailed`."""
        end = 0
        for part in parts:
            (found,) = self._examined([part])
            kept = list(_behind(found.findings, end))
            end = kept[-1].end if kept else end
            yield part, replace(found, findings=tuple(kept))

    def _examined(self, parts: Sequence[Window]) -> list[Found]:
        texts = [part.text for part in parts]
        scan = joined(examined := self._detector.examine_all(texts))
        if self._policy is not None:
            segments = [Segment("", text) for text in texts]
            scan, _ = counted(self._policy, self._application, segments, scan)
        found: list[list[Finding]] = [[] for _ in parts]
        for one in scan.findings:
            part = parts[one.segment]
            start = max(one.start + part.offset, part.first)
            end = one.end + part.offset
            if start < min(end, part.last):
                found[one.segment].append(replace(one, segment=0, start=start, end=end))
        return [
            Found(tuple(several), one.names_unchecked, one.languages)
            for several, one in zip(found, examined, strict=True)
        ]


def _whole(parts: Sequence[Found]) -> Found:
    findings: list[Finding] = []
    for part in parts:
        findings += _behind(part.findings, findings[-1].end if findings else 0)
    return Found(
        tuple(findings),
        any(part.names_unchecked for part in parts),
        frozenset[str]().union(*(part.languages for part in parts)),
    )


def _behind(findings: Iterable[Finding], end: int) -> Iterator[Finding]:
    """What of the findings of a window stands behind those of the one before."""
    for one in findings:
        if one.end > end:
            yield replace(one, start=max(one.start, end))
