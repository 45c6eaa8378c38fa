"""What an answer says that its request did not: masked on the way out, or the end of it.

Texts are held back to the end of a sentence or line, looked at with what went before them, and
sent on. The arguments of a tool call are JSON text and are looked at when they are whole, as
strings and numbers, so that they stay JSON. Log probabilities would repeat what is masked, so
they are left out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from compliance.detection import segments
from compliance.detection.outgoing import Look, Sent, Window
from compliance.detection.pseudonyms import Unreplaceable, treat
from compliance.policy.ignored import counted
from compliance.policy.rules import Policy
from compliance.vocabulary import (
    DetectionFailed,
    Effect,
    Finding,
    Obligations,
    Scan,
    Scanner,
    Segment,
)
from inference.api.answer import Choice
from inference.dispatch import AnswerFailed

Examine = Callable[[Sequence[Segment]], Awaitable[Scan]]
"""Finds personal data; raises `DetectionFailed`."""

_TEXTS = ("reasoning_content", "content", "refusal", "text")  # in the order they are written


def examiner(scan: Scanner, policy: Policy, application: str) -> Examine:
    """What counts by a policy of what is found, for an application."""

    async def examine(texts: Sequence[Segment]) -> Scan:
        found = await scan(texts, policy.own_entities)
        return counted(policy, application, texts, found)[0]

    return examine


class Screen:
    """Looks at one answer. Owned by the task that answers.

    `found` counts, by entity, what was masked or was the end of the answer.
    """

    def __init__(self, scan: Examine, sent: Sent, obligations: Obligations) -> None:
        self.found: Counter[str] = Counter()
        self._scan = scan
        self._sent = sent
        self._read = False  # whether `sent` has read the request
        self._obligations = obligations
        self._windows: dict[tuple[int, str], Window] = {}
        self._calls: dict[tuple[int, int], str] = {}

    async def parts(self, choices: list[Choice]) -> None:
        """The choices of one chunk, changed in place to what may go out now.

        Raises `AnswerFailed` where the policy stops the answer, or it cannot be looked at.
        """
        for choice in choices:
            said = choice.get("delta", choice)
            index, ends = choice["index"], choice["finish_reason"] is not None
            for member in _TEXTS:
                await self._text(index, member, said, ends=ends)
            self._hold_calls(index, said)
            if ends and (calls := await self._whole_calls(index)):
                said["tool_calls"] = [*said.get("tool_calls", ()), *calls]
            choice["logprobs"] = None

    async def whole(self, choices: list[Choice]) -> None:
        """Whole choices, changed in place. Raises as `parts` does."""
        for choice in choices:
            said = choice.get("message", choice)
            for member in _TEXTS:
                if text := said.get(member):
                    window = Window()
                    window.add(text)
                    said[member] = await self._released(window, ends=True)
            for call in said.get("tool_calls") or ():
                function = call["function"]
                function["arguments"] = await self._arguments(function["arguments"])
            choice["logprobs"] = None

    async def _text(self, index: int, member: str, said: Choice, *, ends: bool) -> None:
        window = self._windows.get((index, member))
        if text := said.get(member):
            if window is None:
                window = self._windows[index, member] = Window()
            window.add(text)
        if window is None:
            return
        later = _TEXTS[_TEXTS.index(member) + 1 :]  # must not overtake it
        over = ends or any(said.get(other) for other in (*later, "tool_calls"))
        out = await self._released(window, ends=over)
        if out or said.get(member):
            said[member] = out

    async def _released(self, window: Window, *, ends: bool) -> str:
        look = window.look(ends=ends)
        if look is None:
            return ""
        changed = await self._changed(look)
        out, masked = window.release(look, changed, ends=ends)
        self.found.update(masked)
        return out

    async def _changed(self, look: Look) -> list[Finding]:
        found = await self._scanned([Segment("/answer", look.text)])
        return [one for one in self._new(found, [look.text]) if one.end > look.start]

    async def _scanned(self, parts: Sequence[Segment]) -> Scan:
        try:
            found = await self._scan(parts)
        except DetectionFailed as error:
            raise _unseen(error) from error
        if found.findings and not self._read:
            self._read = True
            await asyncio.to_thread(self._sent.read)
        return found

    def _new(self, found: Scan, texts: Sequence[str]) -> Iterator[Finding]:
        """Findings that must be masked; raises `AnswerFailed` at one that stops it."""
        for finding in found.findings:
            effect = self._obligations.answer_effect(finding.category)
            if effect is Effect.ALLOW:
                continue
            value = texts[finding.segment][finding.start : finding.end]
            if self._sent.holds(value):
                continue
            if effect is Effect.BLOCK:
                self._stop(finding.entity)
            yield finding

    def _stop(self, entity: str) -> None:
        self.found[entity] += 1
        raise AnswerFailed(
            "output_blocked",
            f"The policy stopped this answer: {entity} was found in it, which does not stand "
            "in the request.",
        )

    # --- Tool calls ---

    def _hold_calls(self, index: int, said: Choice) -> None:
        for call in said.get("tool_calls") or ():
            function = call.get("function") or {}
            if arguments := function.get("arguments"):
                key = (index, call["index"])
                self._calls[key] = self._calls.get(key, "") + arguments
                function["arguments"] = ""

    async def _whole_calls(self, index: int) -> list[dict[str, Any]]:
        """The arguments of a choice's calls, each in one piece."""
        mine = sorted(key for key in self._calls if key[0] == index)
        return [
            {
                "index": key[1],
                "function": {"arguments": await self._arguments(self._calls.pop(key))},
            }
            for key in mine
        ]

    async def _arguments(self, text: str) -> str:
        body = {"messages": [{"tool_calls": [{"function": {"arguments": text}}]}]}
        try:
            parts = segments.segments(body)
        except (segments.TooManySegments, segments.NestedTooDeep) as error:
            raise _unseen(error) from None
        found = await self._scanned(parts)
        new = tuple(self._new(found, [part.text for part in parts]))
        if not new:
            return text
        self.found.update(finding.entity for finding in new)
        masks = dict.fromkeys((finding.entity for finding in new), Effect.MASK)
        try:
            changed = treat(parts, Scan(new), masks).texts
        except Unreplaceable as error:
            self._stop(error.entity)
        written: Mapping[str, Any] = segments.replaced(body, changed)
        arguments: str = written["messages"][0]["tool_calls"][0]["function"]["arguments"]
        return arguments


def _unseen(error: Exception) -> AnswerFailed:
    return AnswerFailed("detection_unavailable", f"The answer could not be checked: {error}.")
