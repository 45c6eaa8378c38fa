"""Arrays -> weights, with PyTorch on one processor core.

    python -m compliance.detection.names.training.fit corpus.npz weights.npz MINUTES
        [--peak RATE] [--seed SEED] [--without SOURCE,SOURCE] [--start weights.npz]

The weights are written every minute, so that the run may be
interrupted; with --start another begins where it ended.

The loss of a word that has no label is that of all tags which its source does not annotate
together: what a corpus does not say is not learnt from it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from compliance.detection.names.labels import DILATIONS
from compliance.detection.names.tokens import (
    INITIAL,
    LOWER,
    MIXED,
    SHAPES,
    TITLE,
    UNCASED,
    UPPER,
)

Array = npt.NDArray[Any]

WORD, NGRAM, WIDTH = 64, 96, 128
BATCH = 2048  # words
PEAK = 2.5e-3  # learning rate
WORDS, NGRAM_TABLE = 1 << 16, 1 << 17


class Model(nn.Module):  # type: ignore[misc]  # checked without PyTorch
    """Words by their hashes -> the logits of their tags."""

    def __init__(self, known: int, tags: int) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(WORDS, WORD, mode="sum", sparse=True)
        self.ngrams = nn.EmbeddingBag(NGRAM_TABLE, NGRAM, mode="mean", sparse=True)
        nn.init.normal_(self.words.weight, std=0.1)
        nn.init.normal_(self.ngrams.weight, std=0.2)
        self.project = nn.Linear(WORD + NGRAM + known, WIDTH)
        self.form = nn.Embedding(2 * SHAPES, WIDTH)
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(len(DILATIONS) + 1))
        self.convolutions = nn.ModuleList(
            nn.Conv1d(WIDTH, WIDTH, 3, padding=dilation, dilation=dilation)
            for dilation in DILATIONS
        )
        self.tag = nn.Linear(WIDTH, tags)
        self.drop = nn.Dropout(0.2)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        word = self.words(batch["rows"], torch.arange(len(batch["rows"])))
        word = word * batch["keep_word"]
        ngram = self.ngrams(batch["ngrams"], batch["offsets"])
        known = batch["known"]
        word = self.project(torch.cat([word, ngram, known], 1))
        x = word[batch["which"]] + self.form(batch["form"])
        mask = batch["mask"][..., None]
        x = self.drop(x)
        for norm, convolution in zip(self.norms, self.convolutions, strict=False):
            y = (norm(x) * mask).transpose(1, 2)
            y = functional.relu(convolution(y)).transpose(1, 2)
            x = x + y
        logits: Tensor = self.tag(self.drop(self.norms[-1](x)))
        return logits


class Corpus:
    """The arrays of a corpus, and batches of them."""

    def __init__(self, path: Path, without: frozenset[str], seed: int) -> None:
        self.arrays: dict[str, Any] = dict(np.load(path))
        self.rng = np.random.default_rng(seed)
        a = self.arrays
        self.ends = np.cumsum(a["lengths"])
        self.starts = self.ends - a["lengths"]
        self.sources = [str(source) for source in a["sources"]]
        self.left_out = np.asarray([source.rstrip("+") in without for source in self.sources])
        self.german = np.asarray(
            [source.rstrip("+").endswith(".de") for source in self.sources]
        )
        lower = np.isin(a["shapes"], (LOWER, UNCASED)) & (a["tags"] == 0)
        self.lower = np.unique(a["ids"][lower])
        self.title = np.unique(a["ids"][(a["shapes"] == TITLE) & (a["tags"] > 0)])
        self.shares = np.asarray([share(source) for source in self.sources])

    def units(self) -> list[Array]:
        """One pass: runs of one to three sentences of a source, its `share` of them."""
        a, rng = self.arrays, self.rng
        chosen = ~self.left_out[a["groups"]]
        chosen &= rng.random(len(a["groups"])) < self.shares[a["groups"]]
        found = []
        for group in np.unique(a["groups"][chosen]):
            members = rng.permutation(np.flatnonzero(chosen & (a["groups"] == group)))
            at = 0
            while at < len(members):
                run = int(rng.choice((1, 1, 1, 2, 3)))
                found.append(members[at : at + run])
                at += run
        return found

    def batches(self) -> Iterator[dict[str, Tensor]]:
        """One pass in batches of units of like length."""
        units = self.units()
        sizes = np.asarray([self.arrays["lengths"][unit].sum() + len(unit) for unit in units])
        order = np.argsort(sizes + self.rng.random(len(sizes)) * 4, kind="stable")
        cuts: list[list[int]] = [[]]
        longest = 0
        for index in order:
            longest = max(longest, int(sizes[index]))
            if cuts[-1] and longest * (len(cuts[-1]) + 1) > BATCH:
                cuts.append([])
                longest = int(sizes[index])
            cuts[-1].append(int(index))
        for at in self.rng.permutation(len(cuts)):
            yield self._batch([units[index] for index in cuts[at]])

    def _batch(self, units: list[Array]) -> dict[str, Tensor]:
        a, rng = self.arrays, self.rng
        line_end, line_shape = (int(value) for value in a["line_end"])
        rows = []
        for unit in units:
            parts = []
            apart = rng.random() < 0.6
            for place, sentence in enumerate(unit):
                part = self._sentence(int(sentence))
                if place and (apart or UNCASED in part[1]):  # which is said of whole lines
                    parts.append(np.asarray([[line_end], [line_shape], [1], [0], [-1], [0]]))
                parts.append(part)
            rows.append(np.concatenate(parts, 1)[:, :400])
        length = max(row.shape[1] for row in rows)
        filled = np.zeros((6, len(rows), length), np.int64)
        mask = np.zeros((len(rows), length), np.float32)
        for index, row in enumerate(rows):
            filled[:, index, : row.shape[1]] = row
            mask[index, : row.shape[1]] = 1
        ids, shapes, glued, tags, allowed, weights = filled
        forms, which = np.unique(ids, return_inverse=True)
        possible = self._possible(tags, allowed)
        return {
            **self._looked_up(forms),
            "which": torch.from_numpy(which.reshape(ids.shape)),
            "form": torch.from_numpy(shapes * 2 + glued),
            "mask": torch.from_numpy(mask),
            "possible": torch.from_numpy(possible),
            "weights": torch.from_numpy(weights.astype(np.float32) / 100 * mask),
        }

    def _sentence(self, index: int) -> Array:
        """Words, shapes, whether glued, tags, what is annotated, and weights, (6, words)."""
        a = self.arrays
        part = slice(int(self.starts[index]), int(self.ends[index]))
        words = int(a["lengths"][index])
        return np.stack(
            [
                self._strange(index, part), self._cased(a["shapes"][part]), a["glued"][part], a["tags"][part],
                np.full(words, a["allowed"][index]), np.full(words, a["weights"][index] * 100),
            ]
        )  # fmt: skip

    def _strange(self, index: int, part: slice) -> Array:
        """The words of a sentence; now and then most are others, as in a language never met.

        German keeps its own: there a capital says less than in all other languages.
        """
        a, rng = self.arrays, self.rng
        ids: Array = a["ids"][part]
        group = a["groups"][index]
        if rng.random() > 0.2 or self.german[group] or self.sources[group] == "plain":
            return ids
        changed = rng.random(len(ids)) < 0.7
        lower = changed & np.isin(a["shapes"][part], (LOWER, UNCASED)) & (a["tags"][part] == 0)
        # A sentence's first word has a capital in any language.
        lower[0] |= changed[0] and a["tags"][part][0] == 0 and a["shapes"][part][0] == TITLE
        title = changed & (a["shapes"][part] == TITLE) & (a["tags"][part] > 0)
        ids = ids.copy()
        ids[lower] = rng.choice(self.lower, int(lower.sum()))
        some = title & (rng.random(len(ids)) < 0.5)
        ids[some] = rng.choice(self.title, int(some.sum()))
        return ids

    def _cased(self, shapes: Array) -> Array:
        """Now and then a sentence in lower case, in capitals, or with a capital a word."""
        chance = self.rng.random()
        if chance > 0.16:
            return shapes
        shapes = shapes.copy()
        letters = (
            (shapes == LOWER)
            | (shapes == UNCASED)
            | (shapes == TITLE)
            | (shapes == UPPER)
            | (shapes == MIXED)
        )
        if chance < 0.07:
            shapes[letters | (shapes == INITIAL)] = UNCASED
        elif chance < 0.09:  # but for the first word
            shapes[letters | (shapes == INITIAL)] = LOWER
            shapes[0] = TITLE if shapes[0] == LOWER else shapes[0]
        elif chance < 0.13:
            shapes[letters] = UPPER
        else:
            shapes[shapes == LOWER] = TITLE
        return shapes

    def _possible(self, tags: Array, allowed: Array) -> Array:
        table: Array = self.arrays["unannotated"]
        one = np.eye(table.shape[1], dtype=bool)[tags]
        open_ = table[np.maximum(allowed, 0)]
        outside = (tags == 0) & (allowed >= 0)
        return np.where(outside[..., None], open_, one)

    def _looked_up(self, forms: Array) -> dict[str, Tensor]:
        """Unique words by their hashes. Some are made unknown, rare ones more often."""
        a, rng = self.arrays, self.rng
        starts, ends = a["offsets"][forms], a["offsets"][forms + 1]
        sizes = ends - starts
        offsets = np.cumsum(sizes) - sizes
        flat = np.arange(int(sizes.sum())) + np.repeat(starts - offsets, sizes)
        chance = np.where(a["counts"][forms] < 4, 0.5, 0.2)
        keep_word = (rng.random(len(forms)) >= chance).astype(np.float32)
        keep_known = (rng.random(len(forms)) >= 0.3).astype(np.float32)
        return {
            "rows": torch.from_numpy(a["rows"][forms].astype(np.int64)),
            "ngrams": torch.from_numpy(a["ngrams"][flat].astype(np.int64)),
            "offsets": torch.from_numpy(offsets),
            "keep_word": torch.from_numpy(keep_word[:, None]),
            "known": torch.from_numpy(
                a["known"][forms].astype(np.float32) * keep_known[:, None]
            ),
        }


def share(source: str) -> float:
    """How much of a source each pass takes: less of what there is much of."""
    if source.startswith("texts."):
        return 1.0
    if source.startswith(("messages.", "words.")):
        return 0.2
    if source.startswith(("inserted.", "slots.")):
        return 0.3
    if source.startswith(("europeana", "ronec_v1")) or source.rstrip("+").endswith(".de"):
        return 0.3 if source.endswith("+") else 0.6
    return 0.5 if source.endswith("+") else 1.0


def loss_of(model: Model, batch: dict[str, Tensor]) -> Tensor:
    """The mean negative logarithm of what all possible tags of a word have together."""
    logits = model(batch)
    whole = torch.logsumexp(logits, -1)
    possible = torch.logsumexp(logits.masked_fill(~batch["possible"], -1e4), -1)
    return ((whole - possible) * batch["weights"]).sum() / batch["weights"].sum()


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to train, how fast, and from where."""

    minutes: float
    peak: float = PEAK  # learning rate
    seed: int = 1
    start: Path | None = None  # weights of an earlier run


def fit(corpus: Corpus, target: Path, plan: Plan) -> None:
    """Train for so long; the weights are written every minute and at the end."""
    torch.manual_seed(plan.seed)
    torch.set_num_threads(1)
    model = Model(corpus.arrays["known"].shape[1], corpus.arrays["unannotated"].shape[1])
    if plan.start:
        load(model, plan.start)
    tables = [model.words.weight, model.ngrams.weight]
    rest = [p for p in model.parameters() if all(p is not table for table in tables)]
    optimisers = [
        torch.optim.SparseAdam(tables, lr=plan.peak),
        torch.optim.AdamW(rest, lr=plan.peak, weight_decay=0.01),
    ]
    began = time.monotonic()
    said, steps, mean = began, 0, 0.0
    while True:
        for batch in corpus.batches():
            spent = (time.monotonic() - began) / 60 / plan.minutes
            if spent >= 1:
                write(model, corpus, target)
                return
            rate = plan.peak * min(1.0, (steps + 1) / 300) * max(0.03, 1 - spent)
            for optimiser in optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = rate
                optimiser.zero_grad()
            loss = loss_of(model, batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(rest, 5.0)
            for optimiser in optimisers:
                optimiser.step()
            steps += 1
            mean = 0.98 * mean + 0.02 * float(loss.detach())
            if time.monotonic() - said > 60:
                said = time.monotonic()
                print(f"{spent:.0%} of the time, {steps} steps, loss {mean:.4f}", flush=True)
                write(model, corpus, target)
        print("a pass has ended", flush=True)


def write(model: Model, corpus: Corpus, target: Path) -> None:
    """The weights and the gazetteer, in one file."""
    weights = {f"model.{name}": value.numpy() for name, value in model.state_dict().items()}
    kept = {
        name: value for name, value in corpus.arrays.items() if name.startswith("gazetteer_")
    }
    part = target.with_suffix(".part.npz")
    np.savez(part, **weights, **kept)
    part.rename(target)


def load(model: Model, path: Path) -> None:
    """Put the weights that an earlier run wrote into a model."""
    with np.load(path) as stored:
        weights = {
            name.removeprefix("model."): torch.from_numpy(stored[name])
            for name in stored.files
            if name.startswith("model.")
        }
    forms = weights["form.weight"]
    missing = 2 * SHAPES - len(
        forms
    )  # a shape that was added since is like lower case at first
    weights["form.weight"] = torch.cat([forms, forms[: 2 * LOWER + missing][2 * LOWER :]])
    model.load_state_dict(weights)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train the names model on one core")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("minutes", type=float)
    parser.add_argument("--peak", type=float, default=PEAK)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", default="", help="sources that are left out")
    parser.add_argument("--start", type=Path, help="weights to begin with")
    given = parser.parse_args()
    without = frozenset(given.without.split(",")) if given.without else frozenset[str]()
    plan = Plan(given.minutes, given.peak, given.seed, given.start)
    fit(Corpus(given.corpus, without, given.seed), given.weights, plan)


if __name__ == "__main__":
    main()
