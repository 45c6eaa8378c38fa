"""Weights of `fit` -> the files that `compliance.detection.names.model` loads.

    python -m compliance.detection.names.training.export weights.npz [FOLDER]

The tables become bytes with one scale a row; the network is written as an ONNX graph as it is.
It is less than a tenth of all bytes, and integers with scales found while it runs would make
what is found in a text depend on the texts beside it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from compliance.detection.names.labels import DILATIONS, TAGS
from compliance.detection.names.model import FOLDER, SUMS

Weights = Mapping[str, npt.NDArray[np.float32]]

EPSILON = 1e-5  # what a layer norm adds to the variance


def main(source: Path, folder: Path) -> None:
    """Write the files and their SHA-256."""
    with np.load(source) as stored:
        arrays = dict(stored)
    weights = {
        name.removeprefix("model."): value
        for name, value in arrays.items()
        if name.startswith("model.")
    }
    folder.mkdir(parents=True, exist_ok=True)
    words, word_scales = quantised(weights["words.weight"])
    ngrams, ngram_scales = quantised(weights["ngrams.weight"])
    np.save(folder / "words.npy", words)
    np.save(folder / "ngrams.npy", ngrams)
    np.savez(
        folder / "tables.npz", word_scales=word_scales, ngram_scales=ngram_scales,
        keys=arrays["gazetteer_keys"], flags=arrays["gazetteer_flags"],
        stem_keys=arrays["gazetteer_stem_keys"], stem_flags=arrays["gazetteer_stem_flags"],
    )  # fmt: skip
    graph = network(weights)
    onnx.checker.check_model(graph)
    onnx.save(graph, folder / "network.onnx")
    names = ("network.onnx", "ngrams.npy", "tables.npz", "words.npy")
    sums = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}" for name in names
    ]
    (folder / SUMS).write_text("\n".join(sums) + "\n")


def quantised(
    table: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float16]]:
    """A table as bytes, and what each row is to be multiplied by."""
    scales = (np.abs(table).max(1) / 127 + 1e-7).astype(np.float16)
    rows = np.rint(table / np.maximum(scales.astype(np.float32), 1e-7)[:, None])
    return rows.clip(-127, 127).astype(np.int8), scales


class _Graph:
    """Nodes and constants of a graph, each named when it is added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: npt.NDArray[np.float32]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name


def network(weights: Weights) -> onnx.ModelProto:
    """The network of `fit.Model` behind its tables, ending in probabilities."""
    graph = _Graph()
    word = graph.add(
        "Gemm", "features", graph.constant(weights["project.weight"].T),
        graph.constant(weights["project.bias"]),
    )  # fmt: skip
    x = graph.add(
        "Add", graph.add("Gather", word, "which"),
        graph.add("Gather", graph.constant(weights["form.weight"]), "form"),
    )  # fmt: skip
    for layer, dilation in enumerate(DILATIONS):
        y = graph.add("Mul", _normed(graph, weights, layer, x), "mask")
        y = graph.add("Transpose", y, perm=[0, 2, 1])
        y = graph.add(
            "Conv", y, graph.constant(weights[f"convolutions.{layer}.weight"]),
            graph.constant(weights[f"convolutions.{layer}.bias"]),
            dilations=[dilation], pads=[dilation, dilation], kernel_shape=[3],
        )  # fmt: skip
        y = graph.add("Transpose", graph.add("Relu", y), perm=[0, 2, 1])
        x = graph.add("Add", x, y)
    y = _normed(graph, weights, len(DILATIONS), x)
    y = graph.add("MatMul", y, graph.constant(weights["tag.weight"].T))
    y = graph.add("Add", y, graph.constant(weights["tag.bias"]))
    graph.add("Softmax", y, output="chances", axis=-1)
    width = int(weights["project.weight"].shape[1])
    inputs = [
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["words", width]),
        helper.make_tensor_value_info("which", TensorProto.INT64, ["windows", "length"]),
        helper.make_tensor_value_info("form", TensorProto.INT64, ["windows", "length"]),
        helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["windows", "length", 1]),
    ]
    outputs = [
        helper.make_tensor_value_info(
            "chances", TensorProto.FLOAT, ["windows", "length", len(TAGS)]
        )
    ]
    made = helper.make_graph(graph.nodes, "names", inputs, outputs, graph.constants)
    return helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
        producer_name="domicile",
    )


def _normed(graph: _Graph, weights: Weights, layer: int, x: str) -> str:
    """A layer norm by its parts: one operator for it takes three times as long."""
    away = graph.add("Sub", x, graph.add("ReduceMean", x, axes=[-1]))
    variance = graph.add("ReduceMean", graph.add("Mul", away, away), axes=[-1])
    deviation = graph.add(
        "Sqrt", graph.add("Add", variance, graph.constant(np.array(EPSILON, np.float32)))
    )
    y = graph.add("Mul", away, graph.add("Reciprocal", deviation))
    y = graph.add("Mul", y, graph.constant(weights[f"norms.{layer}.weight"]))
    return graph.add("Add", y, graph.constant(weights[f"norms.{layer}.bias"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER)
