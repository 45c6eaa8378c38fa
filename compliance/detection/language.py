"""Whether a text is in a language whose names the model does not know.

The model of names knows the 24 official languages of the European Union. Judged piece by piece
(a few words to a sentence), so that one Turkish line in a German document is seen. Letters
other than Latin, Greek and Cyrillic ones are of no known language, nor are Cyrillic ones that
Bulgarian does not have. For the rest, a piece is English if enough of its words are English
function words; otherwise py3langid (139 languages, a naive Bayes model of 4.6 MB that comes
with the package; nothing is fetched) must give the known languages together a fair chance.
Pieces of fewer than three words, and what is written in code, say nothing either way. That
something is marked as code says nothing: what stands between backticks is judged line by line
like any text, less the lines that look like code. Words in identifiers and markup are left out
while most words stand outside them, else judged too. About 0.05 ms a sentence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import regex

from compliance.detection.function_words import LANGUAGES_OF
from compliance.detection.language_model import Model

KNOWN = frozenset(
    {
        *("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr"),
        *("hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv"),
    }
)
"""The languages whose names the model knows (ISO 639-1)."""

MIN_WORDS = 3  # below, a text says nothing about its language
PIECE_WORDS = 6  # short lines and sentences are read together up to this many words
MAX_PIECE_WORDS = 60  # and long ones are read in parts
FUNCTION_WORDS = 0.25  # share from which a piece is English without asking the model
MIN_FUNCTION_WORDS = 2  # of another known language, for the same
UNLIKELY = 0.05  # probability of all known languages below which a piece is in none of them
UNLIKELY_CYRILLIC = 0.3  # the same of Bulgarian: its neighbours share most of its words
CERTAIN_CYRILLIC = 0.8  # the same where a name or a street may be in Bulgarian
CERTAIN = 0.3  # and what another language must reach in a piece shorter than `PIECE_WORDS`
AT_ONCE = 64  # pieces that the model reads together

_ENGLISH = frozenset(
    {
        *(
            "the",
            "and",
            "with",
            "this",
            "these",
            "those",
            "you",
            "your",
            "yours",
            "what",
            "which",
        ),
        *(
            "how",
            "who",
            "whom",
            "whose",
            "why",
            "when",
            "where",
            "my",
            "please",
            "from",
            "they",
        ),
        *("their", "them", "would", "could", "should", "about", "there", "have", "has", "been"),
        *(
            "being",
            "it",
            "its",
            "cannot",
            "then",
            "than",
            "but",
            "are",
            "our",
            "his",
            "she",
            "i'm",
        ),
        *(
            "it's",
            "don't",
            "i'd",
            "i've",
            "that's",
            "that",
            "does",
            "into",
            "between",
            "because",
        ),
        *("after", "before", "while", "each", "every", "other", "very", "just", "most"),
        *(
            "write",
            "tell",
            "explain",
            "summarise",
            "summarize",
            "translate",
            "describe",
            "show",
        ),
        *("give", "make", "create", "rewrite", "generate", "reply", "answer", "call", "send"),
        *("named", "called", "lives", "works", "born", "said", "helpful", "get", "got", "know"),
        *("need", "will", "not", "is", "if", "can", "by", "dear", "regards", "hello", "thanks"),
    }
)
"""Words of English that few other languages have."""

_LETTERS = r"[\p{Latin}\p{Greek}\p{Cyrillic}\p{M}]"
MAX_LETTERS = 40  # a longer run of letters is no word
_CODE = regex.compile(  # as Markdown marks it
    r"```(?:[\w+#.-]*+(?=\n))?(?P<block>.*?)(?:```|\Z)|`(?P<span>[^`\n]{1,200})`", regex.DOTALL
)
_RUN = regex.compile(r"\S++")
_NOT_PROSE = re.compile(  # for which it is three times as fast
    r"(?<!\S)(?:\[[A-Z]+\]|(?:[^\s@_\\{}<>=|\d:./]++"
    r"|(?<!\w)[./]|[./](?!\w)|(?<!\w):(?!//)|:(?!\w|//))*+[@_\\{}<>=|\d:./])\S*+"
)
"""A run of characters with an address, an identifier, markup, a number or a mask."""
_FOREIGN = regex.compile(
    r"(?:(?![\p{Latin}\p{Greek}\p{Cyrillic}])\p{L}\p{M}*){2,}"
    r"|(?![а-щъьюяѝ])\p{Cyrillic}(?=\p{L})|(?<=\p{Cyrillic})(?![а-щъьюяѝ])\p{Cyrillic}",  # noqa: RUF001 -- Cyrillic is meant
    regex.IGNORECASE,
)
"""Letters of no known language: of another script, or Cyrillic ones that Bulgarian lacks."""
_MAYBE_FOREIGN = re.compile(
    "[^\x00-\xb4\xb6-\u02af\u0300-\u036f\u1e00-\u1eff\u0386-\u03e1\u1f00-\u1fff"
    "\u040d\u0410-\u042a\u042c\u042e-\u044a\u044c\u044e\u044f\u045d"
    "\u2000-\u206f\u20a0-\u20bf\u2190-\u2bff\U0001f300-\U0001faff]"
)
"""What any of those begins with: no Latin, Greek or Bulgarian letter, and no common sign.

In most texts that alone shows, in a tenth of the time, that there is none.
"""
_TAG = regex.compile(
    r"</?\p{L}[^<>\n]{0,200}>|\]\([^()\s]{0,500}\)"
)  # of HTML, a link's of Markdown
_WRAPPED = regex.compile(
    r"(?<!\S)([{<=|\\~*(\[]{1,3})([\p{L}\p{M}]+)([}>=|\\~*)\]]{1,3})(?=[,.;:!?]?(?:\s|$))"
)
_ADDRESS = regex.compile(r"@|://|\p{L}[./:\\]\p{L}|^\[[A-Z]+(?:_\d+)?\]")  # in a run
_SIGNS = regex.compile(r"[(){}\[\];=<>$&+*#\"\\`/|:%]|(?<!\p{L})['.]|[.](?=\p{L})")
_KEYWORD = regex.compile(
    r"\s*+(?:import|from|def|class|return|if|elif|else|for|while|try|except|raise|with|async|await"
    r"|assert|del|yield|pass|break|continue|lambda|func|fn|let|const|var|function|export|default"
    r"|public|private|protected|static|void|int|use|package|struct|enum|interface|type|switch"
    r"|case|end|begin|do|then|fi|done|echo|sudo|apt|pip|npm|git|docker|cd|ls|curl|make|cargo"
    r"|select|insert|update|delete|create|alter|drop|where|join|order|group|values|set|and|or)"
    r"(?!\p{L})",
    regex.IGNORECASE,
)
_SETTING = regex.compile(
    r"\s*+(?:-\s++)?+[\w.$-]++\s*+[:=]\s*+(?:\S++\s*+)?+|\s*+-\s*+\S*+\s*+"
)
CODE_SIGNS = 0.08  # share of signs in a line of code, spaces left out
HIDDEN = 0.9  # the certainty needed of words taken out of identifiers and markup
_HAN_OR_KANA = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
_CYRILLIC = regex.compile(r"\p{Cyrillic}")
_LATIN_WORD = regex.compile(r"[\p{Latin}\p{M}]+")
_WORD = regex.compile(rf"{_LETTERS}+(?:['\u2019]{_LETTERS}+)*")
_COMMON_LETTERS = (
    "[A-Za-zªºÀ-ÖØ-öø-\u02af\u0300-\u036f\u1e00-\u1eff"
    "\u0386\u0388-\u03e1\u1f00-\u1fff\u0400-\u0484]"
)
_COMMON_WORD = re.compile(rf"{_COMMON_LETTERS}+(?:['\u2019]{_COMMON_LETTERS}+)*")
"""The same where nothing may be foreign, in half the time."""
_END = regex.compile(r"[.!?…]+[\s\"'”»)]+|\n+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text is written in, as far as it can be told."""

    names_unchecked: bool = False
    languages: frozenset[str] = frozenset()  # ISO 639-1


class Languages:
    """Tells languages apart. Holds the model; not thread-safe."""

    def __init__(self) -> None:
        self._model = Model()
        names = enumerate(self._model.names)
        self._known = np.array([column for column, name in names if name in KNOWN])

    def read(self, text: str) -> Reading:
        """The languages of a text's pieces, and whether one of them is not known."""
        prose = _NOT_PROSE.sub(" ", _CODE.sub(_uncoded, text) if "`" in text else text)
        read = list(pieces(prose))
        languages = self._languages(read)
        foreign = _foreign(prose)
        if foreign:
            # Only the letters around the place: the rest may be in any language.
            near = prose[max(0, foreign.start() - 50) : foreign.end() + 200]
            languages.add(self._model.likeliest(_LATIN_WORD.sub(" ", near)))
        seen = sum(map(len, read))
        left_out = len(text) - len(prose)  # characters: at least as many as words
        if left_out > seen and len(_word(text).findall(text)) > 2 * seen:
            languages |= self._hidden(text, seen)
        unchecked = bool(foreign) or not languages <= KNOWN
        return Reading(unchecked, frozenset(languages))

    def _hidden(self, text: str, seen: int) -> set[str]:
        """The languages of words in identifiers and markup, if more than those seen."""
        bare = _WRAPPED.sub(r"\2", _TAG.sub(" ", text.replace("`", " ")))
        bare = "\n".join(line for line in bare.split("\n") if not _is_code(line))
        words = _WORD.findall(_RUN.sub(_kept_unless_address, bare))
        if len(words) <= 2 * seen:
            return set()
        return self._languages(pieces(" ".join(words)), HIDDEN)

    def _languages(self, given: Iterable[list[str]], certain: float = 0.0) -> set[str]:
        """The languages of pieces, less those pieces that could be in any.

        `certain` is the probability that a language must have at least to count, where its
        function words do not tell it.
        """
        languages: set[str] = set()
        untold: list[list[str]] = []
        for words in given:
            if len(words) < MIN_WORDS:
                continue
            told = _told_by_words(words)
            if told:
                languages.add(told)
            else:
                untold.append(words)
        for start in range(0, len(untold), AT_ONCE):
            some = untold[start : start + AT_ONCE]
            rows = self._model.chances([" ".join(words) for words in some])
            for words, chances in zip(some, rows, strict=True):
                told = self._told_by_chances(words, chances, certain)
                if told:
                    languages.add(told)
        return languages

    def _told_by_chances(
        self, words: list[str], chances: npt.NDArray[np.float32], certain: float
    ) -> str | None:
        cyrillic = _CYRILLIC.search(words[0]) is not None
        least = UNLIKELY_CYRILLIC if cyrillic else UNLIKELY
        names, known = self._model.names, self._known
        best = int(chances.argmax())
        if names[best] not in KNOWN or chances[best] < least:
            if chances[known].sum() >= least:
                best = int(known[chances[known].argmax()])
            elif len(words) < PIECE_WORDS:
                certain = max(certain, CERTAIN_CYRILLIC if cyrillic else CERTAIN)
        return names[best] if chances[best] >= certain else None


def _foreign(prose: str) -> regex.Match[str] | None:
    maybe = _MAYBE_FOREIGN.search(prose)
    if not maybe:
        return None
    return _FOREIGN.search(prose, maybe.start()) or _HAN_OR_KANA.search(prose, maybe.start())


def _told_by_words(words: list[str]) -> str | None:
    """English or the known language with the most function words, if enough words are such."""
    enough = FUNCTION_WORDS * len(words)
    if sum(map(_ENGLISH.__contains__, words)) >= enough:
        return "en"
    counts = Counter(chain.from_iterable(filter(None, map(LANGUAGES_OF.get, words))))
    most = max(counts.values(), default=0)
    if most < max(MIN_FUNCTION_WORDS, enough):
        return None
    leading = [language for language, count in counts.items() if count == most]
    return leading[0] if len(leading) == 1 else None


def _kept_unless_address(run: regex.Match[str]) -> str:
    return " " if _ADDRESS.search(run[0]) else run[0]


def _uncoded(marked: regex.Match[str]) -> str:
    """What stands between backticks, less what looks like code; short spans are names."""
    span = marked["span"]
    if span is not None:
        return " " if _is_code(span) or len(_WORD.findall(span)) < MIN_WORDS else f" {span} "
    lines = marked["block"].split("\n")
    return "\n" + "\n".join(line for line in lines if not _is_code(line)) + "\n"


def _is_code(line: str) -> bool:
    """Whether a line is more likely code than prose: many signs, or a keyword to begin with."""
    written = sum(not character.isspace() for character in line)
    if not written:
        return True
    signs = sum(1 for _ in _SIGNS.finditer(line))
    if signs / written >= CODE_SIGNS or _SETTING.fullmatch(line):
        return True
    return _KEYWORD.match(line) is not None


def pieces(prose: str) -> Iterator[list[str]]:
    """The words of a text in lower case, by sentence and line: few together, many cut."""
    lowered = prose.lower().replace("\u2019", "'")
    word = _word(lowered)
    group: list[str] = []
    for line in _END.split(lowered):
        words = [one for one in word.findall(line) if len(one) <= MAX_LETTERS]
        for start in range(0, len(words), MAX_PIECE_WORDS):
            group.extend(words[start : start + MAX_PIECE_WORDS])
            if len(group) >= PIECE_WORDS:
                yield group
                group = []
    if group:
        yield group


def _word(text: str) -> re.Pattern[str] | regex.Pattern[str]:
    """What finds the words of a text."""
    return _WORD if _MAYBE_FOREIGN.search(text) else _COMMON_WORD
