"""Clocks that the law starts: how they stand, for the console and for the pack."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from compliance.evidence.packs.fields import Answer
from compliance.evidence.packs.law import DeadlineLaw, Law


@dataclass(frozen=True, slots=True)
class Deadline:
    """A clock. `due` is None until somebody typed when it began; `met` when it was stopped."""

    law: DeadlineLaw
    began: dt.datetime | None
    due: dt.datetime | None
    met: dt.datetime | None

    def state(self, now: dt.datetime) -> str:
        """`not begun`, `running`, `overdue`, `in time` or `late`."""
        if self.due is None:
            return "not begun"
        if self.met is not None:
            return "in time" if self.met <= self.due else "late"
        return "running" if now <= self.due else "overdue"

    def words(self, now: dt.datetime) -> str:
        """How it stands, as a sentence."""
        if self.due is None or self.began is None:
            return f"The clock has not begun: nobody typed when ({self.law.law})."
        due = f"{self.due.isoformat(sep=' ', timespec='minutes')}"
        state = self.state(now)
        if self.met is not None:
            return (
                f"Due {due}; done {self.met.isoformat(sep=' ', timespec='minutes')}: {state}."
            )
        left = _length(abs(self.due - now))
        rest = f"{left} left" if state == "running" else f"{left} overdue"
        if now < self.began:
            return f"Due {due}: {rest}; its beginning lies in the future."
        return f"Due {due}: {rest}; {_length(now - self.began)} have passed."


def deadlines(law: Law, answers: Mapping[str, Answer]) -> tuple[Deadline, ...]:
    """The clocks of a pack that run, or may run, by what was typed."""
    return tuple(_deadline(one, answers) for one in law.deadlines if _runs(one, answers))


def _runs(law: DeadlineLaw, answers: Mapping[str, Answer]) -> bool:
    """Whether it runs in a case of this kind; not known yet counts as yes."""
    asked = answers.get(law.asks)
    if asked is None or not asked.value:
        return True
    return not set(law.values).isdisjoint(asked.value.split("\n"))


def _deadline(law: DeadlineLaw, answers: Mapping[str, Answer]) -> Deadline:
    began = _moment(answers.get(law.starts))
    met = _moment(answers.get(law.ends)) if law.ends else None
    return Deadline(law, began, None if began is None else end(law, began), met)


def _moment(answer: Answer | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(answer.value) if answer and answer.value else None


def end(law: DeadlineLaw, began: dt.datetime) -> dt.datetime:
    """When the time is over.

    Hours pass on the clock of the world, whatever a time zone does. Of days, that of the
    beginning is not counted; a month ends with the day of the same number, or the month's last;
    both end with the day (Regulation (EEC, Euratom) No 1182/71, Art. 3(1) and (2)). It is the
    day of the time zone in which `began` was typed, in summer time where that has begun since:
    else the end would be shown an hour late.
    """
    if law.unit == "hour":
        return began + dt.timedelta(hours=law.amount)
    if law.unit == "day":
        return _end_of_day(began + dt.timedelta(days=law.amount), began)
    years, month = divmod(began.month - 1 + law.amount, 12)
    year = began.year + years
    day = min(began.day, calendar.monthrange(year, month + 1)[1])
    return _end_of_day(began.replace(year=year, month=month + 1, day=day), began)


def _end_of_day(moment: dt.datetime, began: dt.datetime) -> dt.datetime:
    end, offset = (
        moment.replace(hour=23, minute=59, second=59, microsecond=0),
        began.utcoffset(),
    )
    if offset is not None and _summer(end) and not _summer(began):
        end = end.replace(tzinfo=dt.timezone(offset + dt.timedelta(hours=1)))
    return end


def _summer(moment: dt.datetime) -> bool:
    """Whether it is summer time in the Union (Directive 2000/84/EC, Art. 2 and 3)."""
    begin, end = (
        dt.datetime(moment.year, month, _last_sunday(moment.year, month), 1, tzinfo=dt.UTC)
        for month in (3, 10)
    )
    return begin <= moment < end


def _last_sunday(year: int, month: int) -> int:
    last = calendar.monthrange(year, month)[1]
    return last - (dt.date(year, month, last).weekday() + 1) % 7


def _length(length: dt.timedelta) -> str:
    hours, rest = divmod(int(length.total_seconds()), 3600)
    if hours >= 96:  # noqa: PLR2004 - from four days on, days say more
        return f"{hours // 24} days and {hours % 24} hours"
    return f"{hours} hours and {rest // 60} minutes"
