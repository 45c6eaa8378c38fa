"""The shape of a language model: what it weighs and what it remembers follow from it.

A shape is what a publisher's `config.json` says. From it come the number of parameters, which
says how many bytes the weights take, and how much of the key-value cache each token takes. The
catalogue's shapes are held to the number of parameters that publishers state, so a number that
was copied wrongly is found (tests/inference/catalogue).

Sources: Vaswani et al. 2017 (attention), Shazeer 2020 (gated feed-forward layers), Ainslie et
al. 2023 (grouped queries), DeepSeek-V2 2024 section 2.1 (latent attention), and for which
matrices have a bias, the implementations in vLLM.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some layers look back only so many tokens."""

    tokens: int
    layers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts:
    """Feed-forward parts of which a token uses a few. Widths are those of one part.

    `shared` is the width of the part that every token uses, 0 where there is none;
    `dense_layers` have a plain feed-forward part in place of experts. `corrected` routers keep
    a number for each expert, by which load is balanced.
    """

    count: int
    used: int
    width: int
    shared: int = 0
    dense_layers: int = 0
    bias: bool = False
    corrected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Latent:
    """Multi-head latent attention: keys and values are kept as one short vector.

    `query` is the rank of the queries' own compression, 0 where there is none.
    """

    query: int
    key_value: int
    rope: int
    nope: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """A model that reads a whole text at once, as BERT does, and keeps no cache."""

    positions: int
    types: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A model's sizes. `width` is that of the (dense) feed-forward part.

    `gated` feed-forward parts have three matrices, others two. `tied`: the output uses the
    matrix of the input's embedding. `norms` are the normalisations of the whole width in each
    layer; `head_norms` says that queries and keys are normalised by one gain for each element
    of a head, `wide_norms` by one for each element of all heads. `beside` are parameters
    that the sizes do not give, as in a part that sees images; they lie in memory too and are
    never quantised.
    """

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    width: int = 0
    gated: bool = True
    tied: bool = False
    norms: int = 2
    head_norms: bool = False
    wide_norms: bool = False
    qkv_bias: bool = False
    output_bias: bool = False
    sinks: bool = False
    beside: int = 0
    window: Window | None = None
    experts: Experts | None = None
    latent: Latent | None = None
    encoder: Encoder | None = None

    def parameters(self) -> int:
        """All of them."""
        return self.matrices() + self.kept_whole()

    def matrices(self) -> int:
        """Those in matrices inside the layers, which quantised weights shorten."""
        dense = self.experts.dense_layers if self.experts else self.layers
        routed = 0
        if self.experts:
            each = self.experts.count * self.experts.width + self.experts.shared
            routed = (self.layers - dense) * 3 * self.hidden * each
        plain = dense * (3 if self.gated else 2) * self.hidden * self.width
        return self.attention() + plain + routed

    def attention(self) -> int:
        """Those in matrices of the attention, of all layers."""
        return self.layers * self._attention()

    def kept_whole(self) -> int:
        """The others: embeddings, output, routers, gains, biases and what is beside."""
        ends = self.vocabulary * self.hidden * (1 if self.tied or self.encoder else 2)
        layers = self.layers * self._small() + self._routers()
        final = 0 if self.encoder else self.hidden
        return ends + layers + final + self._encoder_ends() + self.beside

    def active(self) -> int:
        """Those that one token passes, in matrices; the embedding is looked up."""
        matrices = self.matrices()
        if self.experts:
            idle = self.experts.count - self.experts.used
            layers = self.layers - self.experts.dense_layers
            matrices -= layers * 3 * self.hidden * idle * self.experts.width
        return matrices + self.vocabulary * self.hidden * (0 if self.encoder else 1)

    def cached(self, shards: int) -> int:
        """Elements of the cache for one token, in one layer, on one of `shards` GPUs.

        Heads are divided; where there are fewer than GPUs, each GPU has one whole. A latent
        vector is whole on each. Nothing for an encoder.
        """
        if self.encoder:
            return 0
        if self.latent:
            return self.latent.key_value + self.latent.rope
        return 2 * self.head_dim * max(1, self.kv_heads // shards)

    def _attention(self) -> int:
        if not self.latent:
            return 2 * self.hidden * self.head_dim * (self.heads + self.kv_heads)
        latent = self.latent
        query = self.heads * (latent.nope + latent.rope)
        asked = (
            self.hidden * latent.query + latent.query * query
            if latent.query
            else self.hidden * query
        )
        held = self.hidden * (latent.key_value + latent.rope)
        opened = latent.key_value * self.heads * (latent.nope + latent.value)
        return asked + held + opened + self.heads * latent.value * self.hidden

    def _small(self) -> int:
        """Gains and biases of one layer."""
        if self.encoder:  # every matrix has a bias; two normalisations have a gain and one
            return 4 * self.hidden + self.width + self.hidden + 4 * self.hidden
        found = self.norms * self.hidden
        if self.head_norms:
            found += 2 * self.head_dim
        if self.wide_norms:
            found += self.head_dim * (self.heads + self.kv_heads)
        if self.qkv_bias:
            found += self.head_dim * (self.heads + 2 * self.kv_heads)
        if self.output_bias:
            found += self.hidden
        if self.sinks:
            found += self.heads
        if self.latent:
            found += self.latent.query + self.latent.key_value
        return found

    def _routers(self) -> int:
        experts = self.experts
        if experts is None:
            return 0
        each = experts.count * self.hidden
        if experts.corrected:
            each += experts.count
        if experts.bias:
            each += experts.count * (2 * experts.width + self.hidden + 1)
        return (self.layers - experts.dense_layers) * each

    def _encoder_ends(self) -> int:
        if self.encoder is None:
            return 0
        places = self.encoder.positions + self.encoder.types + 2
        return places * self.hidden + self.hidden * (self.hidden + 1)  # and the pooler
