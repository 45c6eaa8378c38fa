"""How many bytes a parameter takes in the forms in which weights are published.

Quantised weights are short in the matrices of the layers and have 16 bits elsewhere
(embeddings, output, routers, gains). Beside each matrix lie its scales:

- `fp8`: one scale for a row, or for the whole matrix. Nothing that matters.
- `fp8-block`: a scale of 4 bytes for each 128 by 128 (DeepSeek-V3 2024, section 3.3).
- `awq-4`, `gptq-4`: for each 128 elements of a column a scale of 2 bytes and a zero of 4 bits.
- `int8`: one scale for each 128 elements of a column.
- `mxfp4`: a byte for each 32 (OCP Microscaling Formats 1.0). Only experts are short.
- `gguf-*`: llama.cpp's blocks, embeddings included. `q8_0` has 34 bytes for 32 elements. The
  others mix block kinds, so their size is about; the file's own size decides.

The least compute capability is that of vLLM 0.32 (its quantisation methods' own statements),
and 8.0 for bfloat16, which older GPUs do not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inference.shape import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """A form of weights.

    `bits` for each parameter in the matrices of the layers, scales included; `others` for the
    rest, to which the attention belongs where it is not `all_matrices`. `capability` is the
    least compute capability of a GPU, in tenths (89 for 8.9). `block`: a GPU's share of a
    matrix must be a multiple of it, or the engine refuses.
    """

    name: str
    title: str
    bits: float
    others: float = 16.0
    all_matrices: bool = True
    capability: int = 80
    block: int = 1

    def weights(self, shape: Shape) -> int:
        """Bytes of all weights."""
        short = shape.matrices() - (0 if self.all_matrices else shape.attention())
        return round((short * self.bits + (shape.parameters() - short) * self.others) / 8)

    @property
    def for_gpu(self) -> bool:
        """Whether vLLM serves it; llama.cpp serves the others from the machine's own memory."""
        return not self.name.startswith("gguf-")


PRECISIONS: Mapping[str, Precision] = {
    one.name: one
    for one in (
        Precision(name="bf16", title="16-bit (bfloat16)", bits=16.0),
        Precision(name="fp16", title="16-bit (float16)", bits=16.0, capability=75),
        Precision(name="fp8", title="8-bit floats", bits=8.0, capability=75),
        Precision(
            name="fp8-block",
            title="8-bit floats in blocks of 128 by 128",
            bits=8 + 32 / (128 * 128),
            capability=75,
            block=128,
        ),
        Precision(
            name="int8", title="8-bit integers", bits=8 + 16 / 128, capability=75, block=128
        ),
        Precision(
            name="awq-4",
            title="4-bit integers (AWQ)",
            bits=4 + 20 / 128,
            capability=75,
            block=128,
        ),
        Precision(
            name="gptq-4",
            title="4-bit integers (GPTQ and kin)",
            bits=4 + 20 / 128,
            capability=75,
            block=128,
        ),
        Precision(
            name="mxfp4", title="4-bit floats (MXFP4)", bits=4 + 8 / 32, all_matrices=False
        ),
        Precision(name="gguf-f16", title="GGUF, 16-bit", bits=16.0),
        Precision(name="gguf-q8_0", title="GGUF, 8-bit", bits=8.5, others=8.5),
        Precision(name="gguf-q4_k_m", title="GGUF, 4-bit (K, medium)", bits=4.9, others=5.5),
        Precision(name="gguf-q4_0", title="GGUF, 4-bit", bits=4.5, others=6.5625),
        Precision(
            name="gguf-mxfp4",
            title="GGUF, 4-bit (MXFP4)",
            bits=4 + 8 / 32,
            others=8.5,
            all_matrices=False,
        ),
    )
}
