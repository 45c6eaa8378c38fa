"""Makes a pack: reads and verifies, fills the form, writes the ZIP, puts it on record.

The order is the promise: nothing is written before the whole range was held against the log's
checkpoint, and the event stands exactly when the file does (`evidence.file`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from compliance.audit.files import CHECKPOINT, COSIGNED
from compliance.evidence import witnessed
from compliance.evidence.packs import (
    access_request,
    ai_logs,
    breach,
    document,
    dora_register,
    ml_bom,
    paper,
    record_of_processing,
    serious_incident,
    writing,
)
from compliance.evidence.packs.answers import CASE, current
from compliance.evidence.packs.context import Context, PackImpossible, Papers, Parameters, Part
from compliance.evidence.packs.deadlines import deadlines
from compliance.evidence.packs.fields import (
    UNPROVEN,
    VERIFIED,
    Answer,
    Section,
    counts,
    in_words,
    section,
)
from compliance.evidence.packs.law import ORGANISATION, Law, laws
from compliance.evidence.packs.reading import (
    Period,
    Progress,
    Ranges,
    Reading,
    nobody_waits,
)
from compliance.evidence.packs.readme import readme
from compliance.evidence.paper import certificate
from compliance.evidence.paper.certificate import Signer
from compliance.models import Application

BUILDERS: Mapping[str, Callable[[Context], Iterator[Part]]] = {
    "record-of-processing": record_of_processing.parts,
    "access-request": access_request.parts,
    "breach": breach.parts,
    "ai-logs": ai_logs.parts,
    "serious-incident": serious_incident.parts,
    "dora-register": dora_register.parts,
    "ml-bom": ml_bom.parts,
}
FILES: Mapping[str, Callable[[Context, Sequence[Section]], Mapping[str, bytes]]] = {
    "record-of-processing": record_of_processing.files,
    "dora-register": dora_register.files,
    "ml-bom": ml_bom.files,
}
PAPERS: Mapping[str, Callable[[Context, Sequence[Section]], Papers]] = {
    "serious-incident": serious_incident.papers,
}
"""What some packs hold beside the form, made when all of it is known."""
UNREGISTERED = (
    "The registration of the application {} is not under the log's checkpoint: which requests "
    "are its own is the database's word, and not proven."
)


class PackTooLong(PackImpossible):
    """More would have to be read than the caller waits for."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was made."""

    path: Path
    pack: str
    read: Ranges
    fields: Mapping[str, int]
    digest: str  # SHA-256 of manifest.json, as the event says

    @property
    def words(self) -> tuple[str, ...]:
        """For people."""
        return (
            f"{self.path}: fields {in_words(self.fields)}.",
            f"SHA-256 of its manifest, as recorded: {self.digest}",
        )


def build(
    name: str,
    parameters: Parameters,
    path: Path,
    *,
    actor: str,
    progress: Progress | None = None,
    most: int | None = None,
) -> Summary:
    """Write the pack `name` to `path`, which must not exist, and record it.

    Raises `PackImpossible`, or `KeyUnusable` where nothing can be signed; then nothing is left
    and nothing recorded. `PackTooLong` where more than `most` entries would have to be read.
    """
    law = laws().get(name)
    if law is None:
        raise PackImpossible(f"There is no pack {name[:32]!r}; there are {', '.join(laws())}.")
    signer = certificate.in_use()  # before all else is read in vain
    answers = _answers(law, parameters)
    context = _context(law, parameters, answers, actor, progress or nobody_waits)
    span = context.reading.count
    if most is not None and span > most:
        raise PackTooLong(
            f"The period holds {span} entries, more than the {most} for which "
            "somebody can be let wait."
        )
    parts = [_proven(context, part) for part in BUILDERS[name](context)]
    sections = _sections(law, parts, parameters)
    context.reading.words += _unregistered(context)
    found = counts(sections)
    digest = writing.write(context, _files(context, sections, signer), path, found)
    return Summary(path, name, context.reading.read, found, digest)


def _answers(law: Law, parameters: Parameters) -> Mapping[str, Answer]:
    """The organisation's, and the case's where the pack is about one."""
    if law.of != "case":
        return current(law, "")
    if not CASE.match(parameters.case):
        raise PackImpossible("Name the case by its number, as in 20261122-0a1b2c3d.")
    return current(law, parameters.case)


def _context(
    law: Law,
    parameters: Parameters,
    answers: Mapping[str, Answer],
    actor: str,
    progress: Progress,
) -> Context:
    if law.window == "typed":
        parameters = _as_typed(parameters, answers)
    now, period = timezone.now(), parameters.period
    if period.since and period.since >= (period.until or now):
        raise PackImpossible("The period ends before it begins; give another.")
    reading = Reading(settings.DOMICILE.data / "log", period)
    if law.window == "typed" and period.since is None:
        reading.nothing()
    applications = _applications(law, parameters.applications)
    clocks = deadlines(law, answers)
    return Context(law, parameters, reading, applications, actor, now, progress, clocks)


def _applications(law: Law, names: Sequence[str]) -> list[Application]:
    """Those that were named; else all that the pack is about."""
    chosen = Application.objects.filter(high_risk=True) if law.marked else Application.objects
    if names:
        chosen = Application.objects.filter(name__in=names)
    applications = list(chosen.order_by("name"))
    if unknown := sorted(set(names) - {one.name for one in applications}):
        raise PackImpossible(f"There is no application {unknown[0][:64]!r}.")
    return applications


def _unregistered(context: Context) -> tuple[str, ...]:
    """Which applications that the pack is about the log does not show, a sentence each."""
    if context.law.of not in ("application", "case"):
        return ()
    registered = context.reading.registered()
    return tuple(
        UNREGISTERED.format(one.name)
        for one in context.applications
        if str(one.pk) not in registered
    )


def _proven(context: Context, part: Part) -> Part:
    """The part; of an application that the log does not show nothing counts as verified."""
    about_one = context.law.of == "application" and part.subject
    if not about_one or part.subject in context.reading.registered():
        return part
    words = UNREGISTERED.format(part.title)
    said = {
        name: replace(one, origin=UNPROVEN, note=f"{words} {one.note}".rstrip())
        if one.origin == VERIFIED
        else one
        for name, one in part.said.items()
    }
    return replace(part, said=said)


def _as_typed(parameters: Parameters, answers: Mapping[str, Answer]) -> Parameters:
    """The period and the applications are those that the officer typed, unless given."""

    def typed(name: str) -> str:
        return answers[name].value if name in answers else ""

    began, ended = typed("began"), typed("ended")
    period = Period(
        parameters.period.since or (dt.datetime.fromisoformat(began) if began else None),
        parameters.period.until or (dt.datetime.fromisoformat(ended) if ended else None),
    )
    names = parameters.applications or tuple(typed("applications").split("\n"))
    return replace(
        parameters, period=period, applications=tuple(name for name in names if name)
    )


def _sections(law: Law, parts: Sequence[Part], parameters: Parameters) -> list[Section]:
    """The organisation's fields first, then each subject's."""
    shared = [one for one in law.fields if one.of == ORGANISATION]
    own = [one for one in law.fields if one.of != ORGANISATION]
    whole = {name: one for part in parts if not part.subject for name, one in part.said.items()}
    found = [section("", "The organisation", shared, whole, current(law, parameters.case))]
    return found + [
        section(part.subject, part.title, own, part.said, current(law, part.subject))
        for part in parts
        if part.subject
    ]


def _files(context: Context, sections: Sequence[Section], signer: Signer) -> dict[str, bytes]:
    name, clocks = context.law.id, context.clocks
    files = {
        "pack.json": document.as_json(document.document(context, sections, clocks)),
        "pack.schema.json": Path(__file__).with_name("pack.schema.json").read_bytes(),
        "pack.pdf": _printed(context, sections, signer),
        "certificate.pem": signer.pem,
        **_checkpoints(context),
        **context.files,
    }
    if name in FILES:
        files |= FILES[name](context, sections)
    if name in PAPERS:
        papers = PAPERS[name](context, sections)
        files |= {one: _printed(*said, signer) for one, said in papers.items()}
    files["README.txt"] = readme(context, files)
    return files


def _checkpoints(context: Context) -> dict[str, bytes]:
    """What was signed and cosigned of each generation, and the policy of witnesses."""
    files = {}
    for one in context.reading.generations:
        files[f"log/{one.number}/{CHECKPOINT}"] = one.note
        if one.cosigned:
            files[f"log/{one.number}/{COSIGNED}"] = one.cosigned
    policy = context.reading.policy.encode()
    return files | ({witnessed.FILE: policy} if policy else {})


def _printed(context: Context, sections: Sequence[Section], signer: Signer) -> bytes:
    return paper.paper(context, sections, context.clocks, signer)
