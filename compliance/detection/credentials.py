"""Recognisers of passwords, keys and tokens.

Each is a Presidio recogniser made of a pattern and, where the form alone says too little, a
check of the value. The form of a token is what its issuer documents (secret scanning pages of
GitHub, GitLab, Slack, Google, Stripe, npm and PyPI; RFC 7519 for JWT, RFC 7468 for PEM). Only
the secret itself is found, not the name or the header before it.

Every pattern is linear in the text: quantifiers are bounded or possessive, and runs are
entered only at their beginning.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import regex
from presidio_analyzer import LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

SCORE = 0.95
"""Above every other recogniser's: what may be a secret is treated as one where two overlap."""

RANDOM_BITS = 3.0
"""Bits per character from which a value next to a telling name counts as random."""
KEY_BITS = 3.5
"""The same for a bare key, where only a short prefix tells what it is."""
MIN_PASSWORD = 4

_START = r"(?<![A-Za-z0-9_-])"
_END = r"(?![A-Za-z0-9_-])"


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one kind of credential.

    The secret is the group `value`, or the whole match where there is no such group.
    """

    entity: str
    pattern: str
    holds: Callable[[str], bool] | None = None


class CredentialRecogniser(LocalRecognizer):
    """Finds one form of credential."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._pattern = regex.compile(form.pattern)
        super().__init__(
            supported_entities=[form.entity], supported_language="en", name=form.entity.lower()
        )

    def load(self) -> None:
        """Nothing to load: the pattern is all."""

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,
    ) -> list[RecognizerResult]:
        """The secrets of this form in a text, in order."""
        del nlp_artifacts
        if self.form.entity not in entities:
            return []
        group = "value" if "value" in self._pattern.groupindex else 0
        return [
            RecognizerResult(self.form.entity, *match.span(group), SCORE)
            for match in self._pattern.finditer(text)
            if self.form.holds is None or self.form.holds(match[group])
        ]


# --- What makes a value a secret ----------------------------------------------------------

_PLACEHOLDER = regex.compile(
    r"(?i)<.*|\[.*|\{.*|\$.*|%.*|\*+|\.+|x+|-+|_+|#+|(?:your|my|the|some|example|changeme|change_me"
    r"|redacted|hidden|secret_here|insert|placeholder|dummy|todo|null|none|nil|true|false|undefined"
    r"|required|optional|string|password|passwort|secret|token|api_?key)[\W_]*(?:.{0,24}"
    r"(?:here|password|passwort|key|token|secret|goes))?[\W_]*"
)
_EXPRESSION = regex.compile(
    r"[A-Za-z_][\w.]{0,80}+(?:\(|\[|->|::).*|[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)+"
)


def entropy(value: str) -> float:
    """Shannon entropy of a value's characters, in bits per character."""
    length = len(value)
    counts = Counter(value).values()
    return -sum(count / length * math.log2(count / length) for count in counts)


def _mixed(value: str) -> bool:
    """Whether letters and digits both occur, as in anything made at random."""
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _is_literal(value: str) -> bool:
    """Whether a value is written out, rather than a placeholder or an expression of code."""
    return not _PLACEHOLDER.fullmatch(value) and not _EXPRESSION.fullmatch(value)


def _is_random(value: str) -> bool:
    return _is_literal(value) and _mixed(value) and entropy(value) >= RANDOM_BITS


def _is_random_key(value: str) -> bool:
    return _mixed(value) and any(map(str.isupper, value)) and entropy(value) >= KEY_BITS


def _is_basic(value: str) -> bool:
    """Base64 of `user:password` (RFC 7617)."""
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded and decoded.isascii()


_PROSE = regex.compile(r"[a-zäöüß]+[.,;!?)]*+")


def _is_password(value: str) -> bool:
    """A literal that is no plain lower-case word: "password: must" is prose."""
    return _is_literal(value) and len(value) >= MIN_PASSWORD and not _PROSE.fullmatch(value)


# --- The forms ----------------------------------------------------------------------------

_LOGIN_WORD = (
    r"(?i:pass(?:word|wort|wd|phrase|code)|(?<![a-z])(?:pass|pwd)(?![a-z])|kennwort|mot\s?de\s?passe"
    r"|contrase(?:ñ|n)a|wachtwoord|has(?:ł|l)o(?![a-z])|l(?:ö|o)senord|salasana|heslo|senha(?![a-z]))"
)
_KEY_WORD = (
    r"(?i:secret|token|credential|api[_\-\s]?key|access[_\-\s]?key|secret[_\-\s]?key"
    r"|account[_\-\s]?key|private[_\-\s]?key|client[_\-\s]?secret|auth[_\-\s]?key|signing[_\-\s]?key"
    r"|encryption[_\-\s]?key)"
)
_ASSIGNED = (
    r"[\w\-]{0,30}+[\"'`\\]{0,3}\s{0,5}+(?::=?|=>|=(?!=)|\bis\b|\bist\b|\blautet\b)\s{0,5}+"
)

FORMS: tuple[Form, ...] = (
    Form("AWS_ACCESS_KEY", _START + r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}" + _END),
    Form(
        "GITHUB_TOKEN",
        _START + r"(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{36,251})" + _END,
    ),
    Form(
        "GITLAB_TOKEN",
        _START + r"(?:gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|imt|ffct)-[A-Za-z0-9_.\-]{20,300}"
        r"|GR1348941[A-Za-z0-9_\-]{20})" + _END,
    ),
    Form(
        "SLACK_TOKEN",
        _START + r"(?:xox[abeoprs]-[A-Za-z0-9\-]{10,250}|xapp-[A-Za-z0-9\-]{20,250}"
        r"|hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{20,100})" + _END,
    ),
    Form(
        "GOOGLE_API_KEY",
        _START + r"(?:AIza[A-Za-z0-9_\-]{35}|GOCSPX-[A-Za-z0-9_\-]{28}"
        r"|ya29\.[A-Za-z0-9_\-]{20,300})" + _END,
    ),
    Form(
        "MODEL_API_KEY",
        _START
        + r"(?:sk-[A-Za-z0-9_\-]{20,250}|hf_[A-Za-z0-9]{30,60}|gsk_[A-Za-z0-9]{40,60})"
        + _END,
        _is_random_key,
    ),
    Form("DOMICILE_API_KEY", _START + r"dom_[A-Za-z0-9\-]{8,24}_[A-Za-z0-9_\-]{32,64}" + _END),
    Form(
        "STRIPE_KEY",
        _START
        + r"(?:(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,120}|whsec_[A-Za-z0-9]{24,120})"
        + _END,
    ),
    Form(
        "JSON_WEB_TOKEN",
        _START
        + r"eyJ[A-Za-z0-9_\-]{8,20000}+\.eyJ[A-Za-z0-9_\-]{8,20000}+\.[A-Za-z0-9_\-]{0,20000}+",
    ),
    Form(
        "PRIVATE_KEY",
        r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[^-]|-(?!----)){0,20000}+(?:-----END [A-Z0-9 ]{0,50}-----)?",
    ),
    Form(
        "CONNECTION_STRING",
        r"(?<![A-Za-z0-9+.\-])[A-Za-z][A-Za-z0-9+.\-]{1,30}+://[^\s:@/\"'<>]{0,100}+"
        r":(?P<value>[^\s@/\"'<>]{1,200}+)@[\w\[]",
        _is_literal,
    ),
    Form(
        "AUTHORIZATION_HEADER",
        r"(?<!\w)(?i:basic)\s{1,4}+(?P<value>[A-Za-z0-9+/]{8,4000}+={0,2})(?![\w=])",
        _is_basic,
    ),
    Form(
        "AUTHORIZATION_HEADER",
        r"(?<!\w)(?i:bearer)\s{1,4}+(?P<value>[A-Za-z0-9+/_.~\-]{16,4000}+={0,2})",
        _is_random,
    ),
    Form(
        "AZURE_STORAGE_KEY",
        r"(?:AccountKey|SharedAccessKey)\s{0,3}=\s{0,3}(?P<value>[A-Za-z0-9+/]{40,100}={0,2})",
    ),
    Form(
        "AZURE_SHARED_ACCESS_SIGNATURE",
        r"[?&]sig=(?P<value>[A-Za-z0-9%+/]{40,120}={0,2})",
    ),
    Form(
        "REGISTRY_TOKEN",
        _START
        + r"(?:npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_\-]{50,250}|dckr_pat_[A-Za-z0-9_\-]{27})"
        + _END,
    ),
    Form(
        "PASSWORD",
        _LOGIN_WORD + _ASSIGNED + r"(?P<quote>[\"'`])(?P<value>[^\"'`\s]{4,128}+)(?P=quote)",
        _is_literal,
    ),
    Form(
        "PASSWORD",
        _LOGIN_WORD + _ASSIGNED + r"(?![\"'`])(?P<value>[^\s\"'`,;&]{4,128})(?<![.,;?)])",
        _is_password,
    ),
    Form(
        "PASSWORD",  # a lower-case word alone on the rest of its line: "passwort: geheimnis"
        r"(?m)"
        + _LOGIN_WORD
        + r"[ \t]{0,5}+[:=][ \t]{0,5}+(?P<value>[^\W\d_]{5,64}+)(?=[ \t]*+$|[\"'`])",
        _is_literal,
    ),
    Form(
        "SECRET",
        _KEY_WORD + _ASSIGNED + r"[\"'`]?(?P<value>[A-Za-z0-9+/_.=~\-]{16,512}+)",
        _is_random,
    ),
)


def recognisers() -> list[CredentialRecogniser]:
    """One recogniser per form."""
    return [CredentialRecogniser(form) for form in FORMS]


ENTITIES: frozenset[str] = frozenset(form.entity for form in FORMS)
