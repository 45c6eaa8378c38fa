"""Rules as sentences that an officer reads, in the console, in differences and in reports."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from compliance.policy import countries
from compliance.policy.canonical import clock
from compliance.policy.regions import REGIONS
from compliance.policy.terms import (
    NOTHING_ASKED,
    Assertion,
    Condition,
    Hours,
    Ignored,
    Never,
    Policy,
    Rule,
    Where,
)
from compliance.vocabulary import Category, Effect, Obligations, OwnEntity, RequestClass

CATEGORIES: Mapping[Category, str] = {
    Category.PERSONAL: "personal data (GDPR Art. 4)",
    Category.SPECIAL: "special categories of personal data (GDPR Art. 9)",
    Category.CRIMINAL: "data on criminal offences (GDPR Art. 10)",
    Category.PAYMENT: "payment data",
    Category.CREDENTIAL: "credentials",
    Category.INDIRECT: "data that identifies only with other data (GDPR recital 26)",
}
EFFECTS: Mapping[Effect, str] = {
    Effect.ALLOW: "the request is allowed",
    Effect.PSEUDONYMISE: "what was found is replaced by pseudonyms",
    Effect.MASK: "what was found is masked",
    Effect.HOLD: "the request is held until a person approves it",
    Effect.BLOCK: "the request is blocked",
}
_WHOLE: Mapping[Effect, str] = {
    Effect.PSEUDONYMISE: "everything found in it is replaced by pseudonyms",
    Effect.MASK: "everything found in it is masked",
}
"""For a rule that is not about certain findings."""

_BASES: Mapping[str, str] = {
    "6-1-a": "consent",
    "6-1-b": "a contract",
    "6-1-c": "a legal obligation",
    "6-1-d": "vital interests",
    "6-1-e": "a public task",
    "6-1-f": "legitimate interests",
}
_CLASSES: Mapping[RequestClass, str] = {
    RequestClass.INTERACTIVE: "somebody waits for the answer (interactive)",
    RequestClass.BATCH: "it is one of many in a file (batch)",
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


_MARKS = re.compile("[“”]")
"""A name that holds these could read like two; they get a backslash before them."""


def own(entity: OwnEntity) -> str:
    """A definition of the organisation's own entity, as sentences."""
    said = [f"{entity.name} is {CATEGORIES[entity.category]}."]
    if entity.pattern:
        then = f"It is found where the pattern {quoted(entity.pattern)} matches"
        if entity.checksum is not None:
            then += f", the check digit is right ({entity.checksum})"
        if entity.words:
            then += f", and {chosen(entity.words)} stands near"
        said.append(f"{then}.")
    if entity.never:
        said.append(f"Never found: {all_of(sorted(entity.never))}.")
    if entity.always:
        said.append(f"Always found: {all_of(sorted(entity.always))}.")
    return " ".join(said)


def ignored(one: Ignored) -> str:
    """What does not count, as a sentence."""
    what = "Findings"
    if one.entities is not None:
        what += f" of type {chosen(one.entities)}"
    if one.applications is not None:
        what += f" in requests of {chosen(one.applications)}"
    said = []
    if one.values is not None:
        said.append(f"that read {chosen(one.values)}")
    if one.below is not None:
        said.append(f"of which the recogniser is less than {one.below} % sure")
    return f"{what} {both(said)} do not count."


def rule(rule: Rule) -> str:
    """A whole rule, as sentences."""
    then = _then(rule)
    always = rule.when == Condition()
    said = [f"In every case {then}." if always else f"If {condition(rule.when)}, then {then}."]
    if rule.where is not None:
        said.append(f"It may be processed only {where(rule.where)}.")
    if rule.obligations != NOTHING_ASKED:
        said.append(obligations(rule.obligations))
    return " ".join(said)


def condition(when: Condition) -> str:
    """A condition as one sentence's part; "always" where nothing is asked."""
    said = [*_of_findings(when), *_of_asking(when), *_of_model(when), *_of_call(when)]
    return ", and ".join(said) or "always"


def where(where: Where) -> str:
    """A place as one sentence's part."""
    said: list[str] = []
    located: list[str] = []
    if where.sites is not None:
        located.append(f"at {_kind('the site', 'the sites', where.sites)}")
    if where.countries is not None:
        located.append(f"in {either(map(countries.phrase, sorted(where.countries)))}")
    if where.regions is not None:
        located.append(f"in {either(REGIONS.get(one, one) for one in sorted(where.regions))}")
    if located:
        said.append(", or ".join(located))
    said.extend(_of_place(where))
    return ", and ".join(said)


def obligations(asked: Obligations) -> str:
    """Obligations as sentences; empty where nothing is asked."""
    said: list[str] = []
    if asked.content_days is not None:
        said.append(f"Prompt and answer {_kept(asked.content_days)}.")
    if asked.mark_output:
        said.append("The answer is marked as made by a machine (AI Act Art. 50).")
    if asked.max_tokens is not None:
        said.append(f"The answer has at most {_count(asked.max_tokens, 'token')}.")
    if asked.models is not None:
        said.append(f"Only {_kind('the model', 'the models', asked.models)} may answer.")
    if asked.review:
        said.append("A person must look at the answer before it is used.")
    if asked.withhold_reasoning:
        said.append("The caller gets the answer without the model's reasoning.")
    if asked.realistic_pseudonyms:
        said.append("Pseudonyms of names are other names, not tokens.")
    for named, becomes in (
        (asked.mask_answers, "is masked"),
        (asked.block_answers, "ends it"),
    ):
        if named is not None:
            kinds = both(CATEGORIES[one] for one in sorted(named))
            said.append(f"Of {kinds}, what only the answer holds {becomes}.")
    return " ".join(said)


def data(never: Never) -> str:
    """The data that a question or an assertion is about, as one sentence's part."""
    types = f"findings of type {chosen(never.entities)}" if never.entities else ""
    if never.categories is None:
        return types
    named = either(CATEGORIES[one] for one in sorted(never.categories))
    return f"{named} ({types})" if types else named


def assertion(assertion: Assertion) -> str:
    """An assertion as a sentence."""
    said = data(assertion.never)
    place = where(assertion.never.outside)
    return f"{said[0].upper()}{said[1:]} may be processed only {place}, unless masked."


def bounds(policy: Policy) -> list[str]:
    """How long the policy lets anything be kept; empty where it leaves that open."""
    content, details = policy.retention.content_days, policy.retention.details_days
    said = []
    if content is not None:
        days = f"for {_count(content, 'day')} at most" if content else "not at all"
        said.append(f"Prompts and answers may be kept {days}.")
    if details is not None:
        said.append(
            f"Details of events may be kept for {_count(details, 'day')} at most; those of"
            " high-risk AI systems stay for the six months that the law demands."
        )
    return said


def either(said: Iterable[str]) -> str:
    """Several with "or" before the last."""
    return _joined(list(said), "or")


def both(said: Iterable[str]) -> str:
    """Several with "and" before the last."""
    return _joined(list(said), "and")


def chosen(names: Iterable[str]) -> str:
    """Names that people chose, with "or" before the last."""
    return either(map(quoted, sorted(names)))


def all_of(names: Iterable[str]) -> str:
    """Names that people chose, in the order given, with "and" before the last."""
    return both(map(quoted, names))


def basis(code: str) -> str:
    """A legal basis; one that the law does not know is a name that people chose."""
    return _BASES.get(code) or quoted(code)


def quoted(name: str) -> str:
    """A name that people chose, such that “a or b” is seen to be one name and not two."""
    marked = _MARKS.sub(r"\\\g<0>", name)
    return f"“{marked}”"


def length(seconds: int) -> str:
    """A length of time, in seconds, in the largest unit that divides it."""
    size, unit = next(one for one in _UNITS if seconds % one[0] == 0)
    return _count(seconds // size, unit)


def hours(hours: Hours) -> str:
    """A part of the week."""
    said: list[str] = []
    if hours.start is not None and hours.end is not None:
        next_day = " of the next day" if hours.end < hours.start else ""
        said.append(f"from {clock(hours.start)} to {clock(hours.end)}{next_day}")
    if hours.days is not None:
        said.append(_week(sorted(hours.days)))
    return ", ".join(said)


def _then(rule: Rule) -> str:
    if rule.when.about_findings:
        return EFFECTS[rule.effect]
    return _WHOLE.get(rule.effect, EFFECTS[rule.effect])


def _of_findings(when: Condition) -> Iterator[str]:
    """What is asked of findings, and whether names could be checked."""
    least = f"at least {when.at_least} findings of " if (when.at_least or 1) > 1 else ""
    if when.categories is not None:
        named = either(CATEGORIES[one] for one in sorted(when.categories))
        of_type = f", of type {chosen(when.entities)}" if when.entities is not None else ""
        yield f"the request holds {least}{named}{of_type}"
    elif when.entities is not None:
        yield f"the request holds {least or 'a finding of '}type {chosen(when.entities)}"
    if when.names_unchecked is not None:
        yield (
            "its language is one whose names cannot be checked"
            if when.names_unchecked
            else "the names in it could be checked"
        )


def _of_asking(when: Condition) -> Iterator[str]:
    """Who asks, and why."""
    if when.applications is not None:
        yield f"it comes from {chosen(when.applications)}"
    if when.applications_except is not None:
        yield f"it does not come from {chosen(when.applications_except)}"
    if when.purposes is not None:
        yield f"its application's purpose is {chosen(when.purposes)}"
    if when.legal_bases is not None:
        named = either(map(basis, sorted(when.legal_bases)))
        yield f"its application's legal basis is {named} (GDPR Art. 6(1))"
    if when.owners is not None:
        yield f"its application belongs to {chosen(when.owners)}"
    if when.declared is not None:
        named = either(CATEGORIES[one] for one in sorted(when.declared))
        yield f"its application is declared to process {named}"
    if when.subject_countries is not None:
        named = either(map(countries.phrase, sorted(when.subject_countries)))
        yield f"its application's data is about people in {named}"
    if when.high_risk is not None:
        what = "a" if when.high_risk else "not a"
        yield f"its application is {what} high-risk AI system (AI Act Art. 6)"


def _of_model(when: Condition) -> Iterator[str]:
    """What is known of the requested model."""
    if when.models is not None:
        yield f"it asks for the model {chosen(when.models)}"
    if when.licences is not None:
        yield f"the model's licence is {chosen(when.licences)}"
    if when.publishers is not None:
        yield f"the model was published by {chosen(when.publishers)}"
    if when.restricted is not None:
        restricts = "restricts" if when.restricted else "does not restrict"
        yield f"the model's licence {restricts} its use in the EU"


def _of_call(when: Condition) -> Iterator[str]:
    """How and when the request was made."""
    if when.request_class is not None:
        yield _CLASSES[when.request_class]
    if when.tools_offered is not None:
        offers = "offers tools" if when.tools_offered else "offers no tools"
        yield f"it {offers} to the model"
    if when.tools is not None:
        yield f"it offers the tool {chosen(when.tools)} to the model"
    if when.hours is not None:
        yield f"it comes {hours(when.hours)}"


def _of_place(where: Where) -> Iterator[str]:
    """What a site must be apart from where it is."""
    if where.operators is not None:
        yield f"where {chosen(where.operators)} runs the machines"
    if where.certifications is not None:
        of = "certification" if len(where.certifications) == 1 else "certifications"
        yield f"where the site has the {of} {all_of(sorted(where.certifications))}"
    if where.attested_within is not None:
        within = length(where.attested_within)
        yield f"where every node proved within {within} that nothing gets out of it"
    if where.witnessed_within is not None:
        within = length(where.witnessed_within)
        yield f"where the witness at the site signed the log within {within}"


def _kept(days: int) -> str:
    return f"are kept for {_count(days, 'day')} at most" if days else "are never kept"


def _week(days: list[int]) -> str:
    """Days of the week; three or more in a row as from the first to the last."""
    names = [_DAYS[day - 1] for day in days]
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:  # noqa: PLR2004
        return f"every day from {names[0]} to {names[-1]}"
    return f"on {either(names)}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _kind(one: str, many: str, names: Collection[str]) -> str:
    return f"{one if len(names) == 1 else many} {chosen(names)}"


def _joined(said: list[str], word: str) -> str:
    *first, last = said
    return f"{', '.join(first)} {word} {last}" if first else last
