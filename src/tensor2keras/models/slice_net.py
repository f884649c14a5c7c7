"""SliceNet (Kaiser et al. 2017, https://arxiv.org/abs/1706.03059): translation by depthwise separable convolutions.

Every layer of the decoder attends to the encoded inputs, whose padding is masked with `mask_padding` (T2T does not
mask it). The decoding cache of a convolution holds the inputs that its kernel still covers.
"""

from typing import Any, ClassVar

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams, RangedHParams
from tensor2keras.layers import attention, position
from tensor2keras.layers.attention.multi_head import MultiHeadAttention
from tensor2keras.layers.conv_block import ConvBlock
from tensor2keras.layers.embedding import TARGET_SPACES, TableEmbedding
from tensor2keras.layers.normalization import NORMS
from tensor2keras.models import t2t_model
from tensor2keras.models.allowed import Allowed
from tensor2keras.models.common_hparams import basic_params1, exp_training
from tensor2keras.types import Cache, Features, Shape, Tensor

NUM_TIMESCALES = 16
KERNEL_SCHEMES = ("3.3.3.3", "3.7.7.7", "3.7.15.15", "3.7.15.31", "3.7.15.31.63")
DILATION_SCHEMES = ("1.1.1.1.1", "1.1.1.1", "1.1.1.2", "1.1.2.4", "1.2.4.8")

Options = dict[str, Any]


def add_timing_signal(x: Tensor, start_index: Tensor = 0) -> Tensor:
    """Adds the sinusoids of the positions to the first 32 channels of x [batch, length, channels]."""
    signal = position.get_timing_signal_1d(ops.shape(x)[1], 2 * NUM_TIMESCALES, start_index=start_index)
    return x + ops.cast(ops.pad(signal, ((0, 0), (0, 0), (0, x.shape[-1] - 2 * NUM_TIMESCALES))), x.dtype)


class TargetAttention(keras.layers.Layer):
    """Two causal convolutions, self-attention and attention to the encoded inputs.

    Args:
        hidden_size: width.
        num_heads: of both attentions.
        dropout: rate on attention weights.
        separability: groups of the convolutions; if negative, the first one has one group more.
        block: further arguments of `ConvBlock`.

    Call arguments:
        x: [batch, length, hidden].
        memory: the encoded inputs [batch, inputs, hidden].
        memory_bias: of the attention to them, [batch, 1, 1, inputs], or None.
        training: whether dropout applies.

    Reference:
        T2T `slicenet.attention`.
    """

    def __init__(
        self, hidden_size: int, num_heads: int, dropout: float, separability: int, block: Options, **kwargs: Any
    ):
        super().__init__(**kwargs)
        first = separability - 1 if separability < 0 else separability
        self.convolutions = ConvBlock(
            hidden_size,
            [(1, 5), (4, 5)],
            padding="LEFT",
            separabilities=[first, separability],
            name="targets_time",
            **block,
        )
        options = {
            "hidden_size": hidden_size,
            "num_heads": num_heads,
            "dropout": dropout,
            "kernel_initializer": block["kernel_initializer"],
            "dtype": self.dtype_policy,
        }
        self.self_attention = MultiHeadAttention(name="self_attention", **options)
        self.encdec_attention = MultiHeadAttention(name="encdec_attention", **options)

    def build(self, x_shape: Shape) -> None:
        for part in (self.convolutions, self.self_attention, self.encdec_attention):
            part.build(x_shape)

    def call(self, x: Tensor, memory: Tensor, memory_bias: Tensor | None = None, training: bool = False) -> Tensor:
        x = self.convolutions(add_timing_signal(x))
        x = self.self_attention(x, bias=attention.causal_bias(ops.shape(x)[1]), training=training)
        return self.encdec_attention(x, memory, memory_bias, training=training)

    def init_cache(
        self, batch_size: Tensor, max_length: int, memory: Tensor, memory_bias: Tensor | None = None
    ) -> Cache:
        k, v = self.encdec_attention.project_memory(memory)
        return {
            "convolutions": self.convolutions.init_cache(batch_size),
            "self": self.self_attention.init_cache(batch_size, max_length),
            "encoder": {"k": k, "v": v, **({} if memory_bias is None else {"bias": memory_bias})},
        }

    def step(self, x: Tensor, position: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Returns the output at the position of x [batch, 1, hidden] and the new cache."""
        x, convolutions = self.convolutions.step(add_timing_signal(x, position), cache["convolutions"])
        bias = attention.causal_bias_of(position, cache["self"]["k"].shape[2])
        x, self_cache = self.self_attention.step(x, position, cache["self"], bias)
        x = self.encdec_attention.attend_to_projected(x, **cache["encoder"])
        return x, {**cache, "convolutions": convolutions, "self": self_cache}


class MultiConvResLayer(keras.layers.Layer):
    """Two blocks of convolutions with residuals, and optionally attention to the encoded inputs.

    Args:
        hidden_size: width.
        blocks: arguments of `ConvBlock` of each of the two blocks.
        block: arguments of all `ConvBlock`s.
        attention: arguments of `TargetAttention`, or None.

    Reference:
        T2T `slicenet.multi_conv_res`.
    """

    def __init__(
        self, hidden_size: int, blocks: list[Options], block: Options, attention: Options | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.residual1, self.residual2 = (
            ConvBlock(hidden_size, name=f"residual{i}", **own, **block) for i, own in enumerate(blocks, 1)
        )
        self.attention = attention and TargetAttention(
            hidden_size, block=block, name=self.name, dtype=self.dtype_policy, **attention
        )

    def build(self, x_shape: Shape) -> None:
        for part in (self.residual1, self.residual2, self.attention):
            if part is not None:
                part.build(x_shape)

    def call(
        self,
        x: Tensor,
        nonpadding: Tensor | None = None,
        memory: Tensor | None = None,
        memory_bias: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        y = self.residual1(x, nonpadding)
        x = x + self.residual2(x + y, nonpadding) + y
        if self.attention is not None:
            x = x + self.attention(x, memory, memory_bias, training=training)
        return x if nonpadding is None else x * nonpadding

    def init_cache(
        self, batch_size: Tensor, max_length: int, memory: Tensor, memory_bias: Tensor | None = None
    ) -> Cache:
        cache = {part.name: part.init_cache(batch_size) for part in (self.residual1, self.residual2)}
        if self.attention is None:
            return cache
        return {**cache, "attention": self.attention.init_cache(batch_size, max_length, memory, memory_bias)}

    def step(self, x: Tensor, position: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Returns the output at the position of x [batch, 1, hidden] and the new cache."""
        new = dict(cache)
        y, new["residual1"] = self.residual1.step(x, cache["residual1"])
        z, new["residual2"] = self.residual2.step(x + y, cache["residual2"])
        x = x + z + y
        if self.attention is None:
            return x, new
        y, new["attention"] = self.attention.step(x, position, cache["attention"])
        return x + y, new


@registry.register_model
class SliceNet(t2t_model.T2TModel):
    """Encoder and decoder of separable convolutions; for class labels the encoder alone.

    Call arguments:
        features: "inputs" [batch, length] ids; "targets" [batch, length] ids, shifted right inside, or labels.
        training: whether dropout applies.

    Returns:
        Logits [batch, target length, vocab_size], or [batch, classes].
    """

    pools_inputs = True
    allowed: ClassVar[Allowed] = {
        "attention_type": ("transformer", "none"),
        "norm_type": NORMS,
        "kernel_scheme": (*KERNEL_SCHEMES, "none"),
        "dilation_scheme": (*DILATION_SCHEMES, "none"),
    }

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("inputs", "symbol")
        self.require_modality("targets", "symbol", "class_label")
        if hparams.hidden_size < 2 * NUM_TIMESCALES:
            raise ValueError(f"hidden_size={hparams.hidden_size} has no room for timing signals: 32 or more")
        self.target_space_embedding = TableEmbedding(
            TARGET_SPACES,
            hparams.hidden_size,
            initializer=self.kernel_initializer,
            name="target_space_embedding",
            dtype=self.dtype_policy,
        )
        self.drop = keras.layers.Dropout(hparams.dropout, dtype=self.dtype_policy)
        self.encoder = self._make_layers(int(hparams.num_hidden_layers * 1.5), "SAME")
        self.target_attention = self.decoder = None
        if self.has_decoder:
            options = self._attention_options()
            self.target_attention = options and TargetAttention(
                hparams.hidden_size, block=self._block, name="slicenet", dtype=self.dtype_policy, **options
            )
            self.targets_merge = ConvBlock(
                hparams.hidden_size,
                [(1, hparams.kernel_height)],
                padding="LEFT",
                separabilities=[4],
                name="targets_merge",
                **self._block,
            )
            self.decoder = self._make_layers(hparams.num_hidden_layers, "LEFT", options)

    @property
    def has_decoder(self) -> bool:
        """Whether targets are a sequence."""
        features = self.problem["features"] if self.problem is not None else {}
        return features.get("targets", {}).get("modality") != "class_label"

    @property
    def _block(self) -> Options:
        hparams = self.hparams
        return {
            "norm_type": hparams.norm_type,
            "norm_epsilon": hparams.norm_epsilon,
            "kernel_initializer": self.kernel_initializer,
            "dtype": self.dtype_policy,
        }

    def _attention_options(self) -> Options | None:
        hparams = self.hparams
        if hparams.attention_type == "none":
            return None
        return {
            "num_heads": hparams.num_heads,
            "dropout": hparams.attention_dropout,
            "separability": hparams.separability,
        }

    def _make_layers(self, count: int, padding: str, attention: Options | None = None) -> list[MultiConvResLayer]:
        blocks = [{"padding": padding, **own} for own in self._blocks()]
        return [
            MultiConvResLayer(
                self.hidden_size, blocks, self._block, attention, name=f"layer_{i}", dtype=self.dtype_policy
            )
            for i in range(count)
        ]

    def _blocks(self) -> list[Options]:
        """Returns the arguments of a layer's two blocks: dilations, kernel sizes and groups."""
        hparams, separability = self.hparams, self.hparams.separability
        if "none" not in (hparams.kernel_scheme, hparams.dilation_scheme):
            dilations, kernels = (
                map(int, scheme.split(".")) for scheme in (hparams.dilation_scheme, hparams.kernel_scheme)
            )
            pairs = list(zip(dilations, kernels, strict=False))  # as many pairs as the shorter one
            first, second = pairs[:2], pairs[2:]
        else:
            first = [(1, hparams.kernel_height)] * 2
            second = [(1, hparams.large_kernel_size), (4, hparams.large_kernel_size)]
        groups1, groups2 = [separability] * 2, [separability] * len(second)
        if separability < 0:
            groups1 = [separability - 1, separability]
            groups2 = [separability - i for i in reversed(range(len(second)))]
        return [
            {"dilation_rates_and_kernel_sizes": pairs, "separabilities": groups}
            for pairs, groups in ((first, groups1), (second, groups2))
        ]

    def build_body(self) -> None:
        shape = (None, None, self.hidden_size)
        with keras.name_scope("slicenet"):
            self.target_space_embedding.build()
            with keras.name_scope("encoder"):
                for layer in self.encoder:
                    layer.build(shape)
            if self.has_decoder:
                if self.target_attention is not None:
                    self.target_attention.build(shape)
                self.targets_merge.build((None, None, 2 * self.hidden_size))
                with keras.name_scope("decoder"):
                    for layer in self.decoder:
                        layer.build(shape)

    def encode(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Encodes embedded inputs: [batch, inputs, hidden]."""
        nonpadding = 1.0 - ops.cast(attention.embedding_padding(inputs), inputs.dtype)[:, :, None]
        x = add_timing_signal(inputs)
        for layer in self.encoder:
            x = layer(x, nonpadding, training=training)
        return self.drop(x, training=training)

    def _target_space(self) -> Tensor:
        """Returns the embedding of the target space, [1, 1, hidden]."""
        space = (self.problem or {}).get("target_space_id", 0)
        return self.target_space_embedding(ops.full((1, 1), space, dtype="int32"))

    def body(self, features: Features, training: bool = False) -> Tensor:
        memory = self.encode(features["inputs"], training=training)
        if not self.has_decoder:
            return memory
        targets, memory_bias = features["targets"], self.inputs_padding_bias(features)
        start = ops.broadcast_to(self._target_space(), (ops.shape(targets)[0], 1, targets.shape[-1]))
        x = ops.concatenate([start, targets[:, :-1]], axis=1)
        if self.target_attention is None:
            attended = ops.zeros_like(x)
        else:
            attended = self.target_attention(x, memory, memory_bias, training=training)
        x = self.targets_merge(ops.concatenate([attended, x], axis=-1))
        for layer in self.decoder:
            x = layer(x, memory=memory, memory_bias=memory_bias, training=training)
        return self.drop(x, training=training)

    def init_cache(self, features: Features, max_length: int) -> Cache:
        embedded = self.bottom({"inputs": features["inputs"]})
        memory = self.encode(embedded["inputs"])
        batch_size, memory_bias = ops.shape(memory)[0], self.inputs_padding_bias(embedded)
        cache = {layer.name: layer.init_cache(batch_size, max_length, memory, memory_bias) for layer in self.decoder}
        if self.target_attention is not None:
            cache["targets_time"] = self.target_attention.init_cache(batch_size, max_length, memory, memory_bias)
        return {**cache, "targets_merge": self.targets_merge.init_cache(batch_size)}

    def decode_step(self, ids: Tensor, position: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        x = self.modalities["targets"].targets_bottom(ids[:, None])
        x = ops.where(position == 0, ops.cast(self._target_space(), x.dtype), x)
        cache, attended = dict(cache), ops.zeros_like(x)
        if self.target_attention is not None:
            attended, cache["targets_time"] = self.target_attention.step(x, position, cache["targets_time"])
        x = ops.concatenate([attended, x], axis=-1)
        x, cache["targets_merge"] = self.targets_merge.step(x, cache["targets_merge"])
        for layer in self.decoder:
            x, cache[layer.name] = layer.step(x, position, cache[layer.name])
        return self.top(x, {})[:, 0], cache


# fmt: off
@registry.register_hparams("slicenet_1")
def slicenet_params1() -> HParams:
    """Four layers of width 768."""
    return exp_training(basic_params1()).override(
        hidden_size=768, num_hidden_layers=4, kernel_height=3, kernel_width=1,
        dropout=0.5,
        batch_size=1024,
        norm_type="layer", shared_embedding_and_softmax_weights=True,
    ).extend(
        num_heads=8, attention_key_channels=0, attention_value_channels=0,
        attention_dropout=0.2,
        attention_type="transformer",
        large_kernel_size=15, separability=-2, dilation_scheme="1.1.1.1", kernel_scheme="3.7.15.31",
        audio_compression=8, sim_loss_mult=0.0,
    )


@registry.register_hparams("slicenet_1noam")
def slicenet_params1_noam() -> HParams:
    """`slicenet_1` with the noam schedule."""
    return slicenet_params1().override(
        learning_rate_decay_scheme="noam",
        learning_rate=1.0,
        learning_rate_warmup_steps=4000,
        initializer="uniform_unit_scaling",
        optimizer_adam_epsilon=1e-9,
        optimizer_adam_beta1=0.9,
        optimizer_adam_beta2=0.98,
    )


@registry.register_hparams("slicenet_1tiny")
def slicenet_params1_tiny() -> HParams:
    """Two layers of width 128, for runs on one machine."""
    return slicenet_params1().override(
        separability=0, hidden_size=128, num_hidden_layers=2, batch_size=512, learning_rate_warmup_steps=200
    )
# fmt: on


@registry.register_ranged_hparams("slicenet1")
def slicenet_range1(rhp: RangedHParams) -> None:
    """Search space around slicenet_1."""
    rhp.set_float("clip_grad_norm", 1.0, 10.0, scale=rhp.LOG_SCALE)
    rhp.set_float("learning_rate", 0.02, 1.0, scale=rhp.LOG_SCALE)
    rhp.set_float("optimizer_adam_beta2", 0.995, 0.998)
    rhp.set_float("weight_decay", 1.0, 5.0)
