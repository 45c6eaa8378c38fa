"""Whether a text is in a language whose names the model does not know.

Judged piece by piece (a few words to a sentence), so that one German line in an English
document is seen. Letters outside the Latin script are never English. For the rest, a piece is
English if enough of its words are English function words; otherwise py3langid (139 languages,
a naive Bayes model of 4.6 MB that comes with the package; nothing is fetched) must give
English a fair chance. Pieces of fewer than three words, and what is written in code, say
nothing either way.

Measured on 400 sentences each of public corpora. Seen as unchecked: German 0.995 (news) and
0.88 (traffic notes, many of two words), French 0.995, Danish, Croatian, Dutch, Portuguese,
Slovak, Hungarian, Estonian 0.96 to 0.99, Swedish, Latvian, Finnish, Romanian 0.99 to 1.0; of
ten words and more, 0.98 to 1.0 everywhere, of three to five words 0.50 to 1.0. Wrongly held
against English: 0 of 400 web sentences, 9 of 400 tweets. About 0.2 ms a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import regex
from py3langid.langid import MODEL_FILE, LanguageIdentifier

KNOWN = frozenset({"en"})
"""The languages whose names the loaded models know (ISO 639-1)."""

MIN_WORDS = 3  # below, a text says nothing about its language
PIECE_WORDS = 6  # short lines and sentences are read together up to this many words
MAX_PIECE_WORDS = 60  # and long ones are read in parts
FUNCTION_WORDS = 0.25  # share from which a piece is English without asking the model
UNLIKELY = 0.05  # the model's probability of English below which a piece is not English
CERTAIN = 0.3  # and what another language must reach in a piece shorter than `PIECE_WORDS`

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

_LETTERS = r"[\p{Latin}\p{M}]"
MAX_LETTERS = 40  # a longer run of letters is no word
_CODE = regex.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,200}`", regex.DOTALL)  # as Markdown marks it
_RUN = regex.compile(r"\S++")
_NOT_PROSE = regex.compile(r"[@_\\{}<>=|\d]|://|\w[./:]\w|^\[[A-Z]+\]")
"""In a run of characters: an address, an identifier, markup, a number, a mask."""
_FOREIGN = regex.compile(r"(?:(?!\p{Latin})\p{L}[\p{M}]*){2,}")
_HAN_OR_KANA = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
_WORD = regex.compile(rf"{_LETTERS}+(?:['\u2019]{_LETTERS}+)*")
_END = regex.compile(r"[.!?…]+[\s\"'”»)]+|\n+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text is written in, as far as it can be told."""

    names_unchecked: bool = False
    languages: frozenset[str] = frozenset()  # ISO 639-1


class Languages:
    """Tells languages apart. Holds the model; not thread-safe."""

    def __init__(self) -> None:
        self._model: Any = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def read(self, text: str) -> Reading:
        """The languages of a text's pieces, and whether one of them is not known."""
        prose = _RUN.sub(_kept, _CODE.sub(" ", text))
        languages: set[str] = set()
        foreign = _FOREIGN.search(prose) or _HAN_OR_KANA.search(prose)
        if foreign:
            # Only the letters around the place: the rest may be English.
            near = prose[max(0, foreign.start() - 50) : foreign.end() + 200]
            languages.add(self._model.classify(_WORD.sub(" ", near))[0])
        for words in pieces(prose):
            language = self._language(words)
            if language:
                languages.add(language)
        unchecked = bool(foreign) or not languages <= KNOWN
        return Reading(unchecked, frozenset(languages))

    def _language(self, words: list[str]) -> str | None:
        """The language of a piece; None when it could be any."""
        if len(words) < MIN_WORDS:
            return None
        lowered = [word.lower().replace("\u2019", "'") for word in words]
        share = sum(word in _ENGLISH for word in lowered) / len(words)
        if share >= FUNCTION_WORDS:
            return "en"
        ranked = self._model.rank(" ".join(lowered))
        language, probability = ranked[0]
        if language == "en":
            return "en"
        english = next(chance for name, chance in ranked if name == "en")
        if english < UNLIKELY and (probability >= CERTAIN or len(words) >= PIECE_WORDS):
            return str(language)
        return None


def _kept(run: regex.Match[str]) -> str:
    return " " if _NOT_PROSE.search(run[0]) else run[0]


def pieces(prose: str) -> Iterator[list[str]]:
    """The words of a text by sentence and line: short ones together, long ones cut."""
    group: list[str] = []
    for line in _END.split(prose):
        words = [word for word in _WORD.findall(line) if len(word) <= MAX_LETTERS]
        for start in range(0, len(words), MAX_PIECE_WORDS):
            group.extend(words[start : start + MAX_PIECE_WORDS])
            if len(group) >= PIECE_WORDS:
                yield group
                group = []
    if group:
        yield group
