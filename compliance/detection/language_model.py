"""How likely a text is in each of 139 languages, by py3langid's model, for many texts at once.

The model (a naive Bayes one of 4.6 MB that comes with the package; nothing is fetched) is its,
and so are the figures; its own code walks over each text byte by byte in Python.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from py3langid.langid import MODEL_DIR, MODEL_FILE
from py3langid.modelio import load_model


class Model:
    """py3langid's model, for many texts at once, in a third of the time of its own code.

    It counts features, each a sequence of at most `BYTES` bytes, which an automaton finds. As
    the state of that depends on no more than the last `BYTES` bytes, the states at all places
    of all texts follow from so many steps, each of them taken at all places together.
    """

    BYTES = 6
    BREAK = b"\xff"  # no text has it, and no feature: no state reaches over it
    PARTS = 512  # weights are whole numbers of such parts: faster to read than float16

    def __init__(self) -> None:
        weights, self._prior, names, moves, rows, features = load_model(MODEL_DIR / MODEL_FILE)
        self.names: list[str] = names
        firsts = [names.index(name) for name in names]  # some have a column for each script
        self._again = [(first, n) for n, first in enumerate(firsts) if first != n]
        self._weights = np.empty(weights.shape, np.int16)
        np.multiply(weights, self.PARTS, self._weights, dtype=np.float32, casting="unsafe")
        self._moves = np.asarray(moves)
        self._rows = np.asarray(rows).astype(np.uint32) << 8
        self._features: npt.NDArray[np.int64] = np.asarray(features, np.int64)

    def likeliest(self, text: str) -> str:
        """The likeliest language of a text, one in capitals read in lower case."""
        text = text.lower() if text.isupper() else text
        return self.names[int(self.chances([text])[0].argmax())]

    def chances(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """The probability of each language (a column, in the order of `names`) by text."""
        encoded = [
            unicodedata.normalize("NFC", text).encode(errors="surrogatepass") for text in texts
        ]
        found, counts = np.unique(self._found(encoded), return_counts=True)
        text_of, features = np.divmod(found, len(self._weights))
        weights = self._weights.take(features, axis=0).astype(np.float32)
        logs = np.log1p(counts, dtype=np.float32) / self.PARTS
        scores = np.zeros((len(texts), len(self.names)), np.float32)
        starts = np.searchsorted(text_of, np.arange(len(texts) + 1)).tolist()
        for text, (start, end) in enumerate(pairwise(starts)):
            if start < end:  # else any language is as likely
                scores[text] = logs[start:end] @ weights[start:end] + self._prior
        scores /= np.sqrt([[len(text) or 1] for text in encoded], dtype=np.float32)
        np.exp(scores - scores.max(1, keepdims=True), out=scores)
        scores /= scores.sum(1, keepdims=True)
        for first, again in self._again:
            scores[:, first] += scores[:, again]
            scores[:, again] = 0
        return scores

    def _found(self, encoded: Sequence[bytes]) -> npt.NDArray[np.int64]:
        """The features at all places of texts, numbered on from each text to the next."""
        joined = np.frombuffer(self.BREAK * self.BYTES + self.BREAK.join(encoded), np.uint8)
        places = len(joined) - self.BYTES
        states = np.zeros(places, np.uint32)
        for step in range(1, self.BYTES + 1):
            states = self._moves.take(self._rows.take(states) + joined[step : step + places])
        features = self._features.take(states)
        firsts = np.arange(len(encoded)) * len(self._weights)
        found = np.repeat(firsts, [len(text) + 1 for text in encoded])[:-1] + features
        return found[features >= 0]
