"""What a form of credential is, and what makes a value a secret."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import regex

RANDOM_BITS = 3.0
"""Bits per character from which a value next to a telling name counts as random."""
KEY_BITS = 3.5
"""The same for a bare key, where only a short prefix tells what it is."""
MIN_PASSWORD = 4

START = r"(?<![A-Za-z0-9_-])"
END = r"(?![A-Za-z0-9_-])"


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one kind of credential.

    The secret is the group `value`, or the whole match where there is no such group. `trigger`
    is an expression of ASCII in the subset of Hyperscan, matched without regard to case and
    accents; it stands in every match, at most 100 characters behind its beginning.
    """

    entity: str
    pattern: str
    trigger: str
    holds: Callable[[str], bool] | None = None


def entropy(value: str) -> float:
    """Shannon entropy of a value's characters, in bits per character."""
    length = len(value)
    counts = Counter(value).values()
    return -sum(count / length * math.log2(count / length) for count in counts)


_PLACEHOLDER = regex.compile(
    r"(?i)<.*|\[.*|\{.*|\$.*|%.*|\*+|\.+|x+|-+|_+|#+|\W+|(?:your|my|the|some|example|changeme"
    r"|change_me|redacted|hidden|secret_here|insert|placeholder|dummy|todo|null|none|nil|true|false"
    r"|undefined|value|data|input|field|required|optional|string|password|passwort|secret|token|api_?key)[\W_]*"
    r"(?:.{0,24}(?:here|password|passwort|key|token|secret|goes))?[\W_]*"
)
_EXPRESSION = regex.compile(
    r"[A-Za-z_][\w.]{0,80}+(?:\(|\[|->|::).*|[A-Z]\w{0,40}+<[A-Z].*|(?:[A-Z][A-Z0-9]*_)+[A-Z0-9]+[),;:\]}]*"
    r"|\w{0,40}_pass(?:word|wd)?\d?|pass(?:word|wd|wort)\d?|(?:/[\w.\-]+){2,}+/?|[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)+[,;]?"
)
_PROSE = regex.compile(r"[\p{Ll}\p{M}]+(?:-[\p{Ll}]+)*[.,;:!?)]*+")
_CAPITALISED = regex.compile(r"\p{L}[\p{Ll}\p{M}]+[.,;:!?)]*+")
_TYPE = regex.compile(r"(?:\p{Lu}\p{Ll}+){2,}[.,;:!?)]*+")


def is_mixed(value: str) -> bool:
    """Whether letters and digits both occur, as in anything made at random."""
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def is_literal(value: str) -> bool:
    """Whether a value is written out, rather than a placeholder or an expression of code."""
    return not _PLACEHOLDER.fullmatch(value) and not _EXPRESSION.fullmatch(value)


def is_random(value: str) -> bool:
    """A literal of letters and digits with some entropy."""
    return is_literal(value) and is_mixed(value) and entropy(value) >= RANDOM_BITS


def is_random_key(value: str) -> bool:
    """A value with capitals, letters and digits, and much entropy."""
    return is_mixed(value) and any(map(str.isupper, value)) and entropy(value) >= KEY_BITS


def is_random_hex(value: str) -> bool:
    """No number, no run of one digit: made at random."""
    return is_mixed(value) and entropy(value) >= RANDOM_BITS


def is_password(value: str) -> bool:
    """A literal that is no plain word and no type: "password: must", "password: CharField"."""
    plain = _PROSE.fullmatch(value) or _TYPE.fullmatch(value)
    return is_literal(value) and len(value) >= MIN_PASSWORD and not plain


def is_word_password(value: str) -> bool:
    """A literal, even of small letters only, that is no type."""
    return is_literal(value) and not _TYPE.fullmatch(value)


def is_said_password(value: str) -> bool:
    """What a sentence calls a password: "The password is Required" is one of no secret."""
    return is_password(value) and not _CAPITALISED.fullmatch(value)
