"""T2TModel: the base of all models, with bottom -> body -> top, the loss, training, decoding and saving."""

import contextlib
import fnmatch
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import keras
from keras import ops

from tensor2keras import metrics as metrics_by_name
from tensor2keras import optimizers, registry, weights
from tensor2keras.backend import on_accelerator, output_shapes_in_summary, within_memory
from tensor2keras.hparams import HParams
from tensor2keras.layers.attention.bias import MASKED_LOGIT, embedding_padding, ignore_padding_bias
from tensor2keras.layers.initializer import INITIALIZERS, get_initializer
from tensor2keras.layers.modality import ClassLabel, CTCSymbol, Modality
from tensor2keras.models import layer_options
from tensor2keras.models.allowed import Allowed, check_allowed
from tensor2keras.models.given_features import check_features, check_targets, targets_named_if_missing
from tensor2keras.models.output_shapes import output_shapes
from tensor2keras.types import Cache, Features, Shape, Tensor


class T2TModel(keras.Model):
    """Base of models that turn a problem's features into logits.

    A subclass defines `body`, from embedded features to the vector at each output position, and makes its layers in
    `__init__`. Everything else follows from `hparams`:

        bottom: each feature is embedded by its modality;
        top: the targets' modality turns the body's output into logits;
        loss: the modality's loss, weighted by position and summed (the weights of a batch sum to 1).

    Without `hparams.problem` the model is its body alone, on embedded features `[batch, length, hidden]`.

    Args:
        hparams: the hyperparameters; `hparams.problem` is plain data (see `Problem.get_hparams`) or None.
        name: scope of the variables; by default the name under which the class is registered, as in T2T.
        **kwargs: further arguments of `keras.Model`. `dtype` is by default the policy that `hparams.activation_dtype`,
            `weight_dtype` and `gpu_automatic_mixed_precision` choose, else Keras's global policy.

    Call arguments:
        features: dict of tensors: "inputs" and "targets", [batch, length] ids for text.
        training: whether dropout applies.

    Returns:
        Logits, `[batch, length, vocab_size]` for text.

    Example:
        >>> @registry.register_model
        ... class BagOfWords(T2TModel):
        ...     def body(self, features, training=False):
        ...         return ops.cumsum(features["inputs"], axis=1)

    Raises:
        ValueError: a hyperparameter whose value is not in the model's `allowed`; a problem with features of a modality
            that the model does not support.

    Reference:
        T2T `utils/t2t_model.py`.
    """

    t2t_body = "body"  # T2T's scope of the body's variables; "" for none
    cache_grows = True  # whether decoding may begin with a short cache and extend it
    supports_ctc = False  # whether there is one output position per embedded input position, as CTC targets need
    pools_inputs = False  # whether there is one output position per embedded input position, where classes are pooled
    allowed: ClassVar[Allowed] = {
        "activation_dtype": ("float32", "bfloat16", "float16", None),
        "weight_dtype": ("float32", "bfloat16", "float16"),
        "initializer": INITIALIZERS,
        "multiply_embedding_mode": ("sqrt_depth", "none", None),
        "prepend_mode": ("none", "prepend_inputs_masked_attention", "prepend_inputs_full_attention"),
        "scheduled_sampling_prob": (0,),
    }
    """The supported values of hyperparameters by name: see `models.allowed`."""

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        keras.saving.register_keras_serializable("tensor2keras")(cls)  # for `.keras` files

    def __init__(self, hparams: HParams, name: str | None = None, **kwargs: Any):
        name = name or registry.models.name_of(type(self)) or registry.default_name(type(self))
        check_allowed(type(self), name, hparams)
        kwargs.setdefault("dtype", dtype_policy(hparams))
        super().__init__(name=name, **kwargs)
        self._hparams = hparams.frozen()
        self.kernel_initializer = get_initializer(hparams.initializer, hparams.initializer_gain)
        self.read_hparams(self.hparams)
        self.modalities: dict[str, Modality] = {}  # by feature
        self.target_top: Modality | None = None
        self._training_step = True  # whether the step being traced trains; set by compute_loss
        self._loss_was_given = False  # whether `compile` got a loss
        self._evaluation_metrics: list[keras.metrics.Metric] = []  # by default, of which some in training too
        self._training_metrics: list[keras.metrics.Metric] = []
        if self.problem is not None:
            self._make_modalities()

    @property
    def hparams(self) -> HParams:
        """The model's frozen copy of its hyperparameters."""
        return self._hparams

    def read_hparams(self, hparams: HParams) -> None:
        """Stores the hyperparameters that `body`, decoding and the loss need as attributes.

        Called once, before any layer is made. Subclasses extend it; hyperparameters of layers are passed to them in
        `__init__`.
        """
        self.problem = hparams.get("problem")  # plain data, or None
        self.hidden_size = self._body_size = hparams.hidden_size
        self.mask_padding = layer_options.masks_padding(hparams)
        self.prepend_mode = hparams.get("prepend_mode", "none")
        self.label_smoothing = hparams.get("label_smoothing", 0.0)
        self._vocab_divisor = hparams.get("vocab_divisor") or 1
        for hparam, fits, wanted in (
            ("hidden_size", self.hidden_size >= 1, "at least 1"),
            ("label_smoothing", 0 <= self.label_smoothing < 1, "at least 0 and below 1"),
            ("vocab_divisor", self._vocab_divisor >= 1, "at least 1, or 0 for no rounding"),
        ):
            if not fits:
                raise ValueError(f"hparams.{hparam}={hparams[hparam]} must be {wanted}")

    @property
    def has_inputs(self) -> bool:
        """Whether there is an "inputs" feature (always without a problem)."""
        return self.problem is None or "inputs" in self.problem["features"]

    @property
    def body_size(self) -> int:
        """Width of the body's output."""
        return self._body_size

    @property
    def uses_ctc(self) -> bool:
        """Whether targets are predicted by CTC: one symbol or blank per input position."""
        return isinstance(self.target_top, CTCSymbol)

    def require_modality(self, feature: str, *modalities: str, refused: tuple[str, ...] = (), hint: str = "") -> None:
        """Raises ValueError if the problem's feature is not of an allowed modality.

        Args:
            feature: "inputs" or "targets".
            *modalities: patterns of the allowed modalities, such as "image*"; without any, all are allowed.
            refused: patterns of modalities that are not allowed; "absent" means a problem without the feature.
            hint: end of the message.
        """
        if self.problem is None:
            return
        found = self.problem["features"].get(feature, {}).get("modality", "absent")
        names = {found}
        if found in registry.modalities:  # subclasses of an allowed modality are allowed too
            names |= {registry.modalities.name_of(kind) for kind in registry.modality(found).__mro__} - {None}

        def is_one_of(patterns: tuple[str, ...]) -> bool:
            return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)

        if is_one_of(refused) or (modalities and not is_one_of(modalities)):
            needed = " or ".join(modalities) or f"other than {' or '.join(refused)}"
            raise ValueError(
                f"{self.name} needs {feature} of modality {needed}; in problem {self.problem.get('name')!r} they are "
                f"{found}{hint and '; '}{hint}"
            )

    def refuse_packed(self, features: Features) -> None:
        """Raises ValueError for packed texts, for models with layers that cannot keep them apart."""
        if "targets_segmentation" in features:
            raise ValueError(f"{self.name} cannot read packed texts; use the problem that is not packed")

    # Features

    def _make_modalities(self) -> None:
        """Makes the modality layers of the features and of the targets' top.

        Those of equal class, size and scope are one. As in T2T the scope is that of the problem's modality, also where
        `hparams.bottom` or `top` name another.

        Raises:
            KeyError: unknown modality, with the closest names.
            ValueError: unknown weight function; a bottom, top or loss of a feature that has none; CTC targets that the
                model does not support.
        """
        hparams = self.hparams
        features = self.problem["features"]
        for what, used in (("bottom", {"inputs", "targets", *features}), ("top", {"targets"}), ("loss", {"targets"})):
            if unused := sorted(set(hparams.get(what) or {}) - used):
                raise ValueError(
                    f"hparams.{what} has {', '.join(unused)}: it applies to {', '.join(sorted(used))} only"
                )
        uses = {(name, "targets" if is_target(name) else "inputs"): self._override("bottom", name) for name in features}
        if "targets" in features:
            uses["targets", "top"] = self._override("top", "targets")
        roles: dict[tuple, set[str]] = {}
        kinds = {}
        for (feature, role), modality in uses.items():
            size = self.vocab_size(feature)
            scope = registry.modality(features[feature]["modality"]).scope_name(size, hparams.hidden_size)
            kinds[feature, role] = registry.modality(modality).layer_class(), size, scope
            roles.setdefault(kinds[feature, role], set()).add(role)

        sizes = {self.vocab_size(name) for name in ("inputs", "targets") if name in features} - {None}
        layers = {
            (kind, size, scope): kind(
                size,
                hparams.hidden_size,
                roles=sorted(roles[kind, size, scope]),
                scale=hparams.hidden_size**0.5 if hparams.multiply_embedding_mode == "sqrt_depth" else 1.0,
                shared_embedding=bool(hparams.get("shared_embedding")),
                # one matrix cannot serve two vocabularies
                shared_softmax=bool(hparams.shared_embedding_and_softmax_weights) and len(sizes) < 2,
                symbol_dropout=hparams.symbol_dropout,
                kernel_initializer=self.kernel_initializer,
                body_size=self.body_size,
                dtype=self.dtype_policy,
                name=scope,
                **{name: hparams[name] for name in kind.settings if name in hparams},
            )
            for kind, size, scope in roles
        }
        for (feature, role), kind in kinds.items():
            if role == "top":
                self.target_top = layers[kind]
            else:
                self.modalities[feature] = layers[kind]
        if "targets" in features:
            self._targets_loss = registry.modality(self._override("loss", "targets")).loss
            target = registry.modality(features["targets"]["modality"])
            self._weights_fns = [weights.targets_weights_fn(hparams, target, training) for training in (False, True)]
        if self.uses_ctc and not self.supports_ctc:
            raise ValueError(
                f"{self.name} has no output for each position of its inputs, which targets of modality ctc_symbol "
                "need; transformer_encoder has"
            )

    def vocab_size(self, feature: str) -> int | None:
        """Returns a feature's vocabulary size, rounded up to `hparams.vocab_divisor`; None without a vocabulary."""
        size = self.symbols(feature)
        missing = -size % self._vocab_divisor if size else 0
        if missing and registry.modality(self.problem["features"][feature]["modality"]).has_symbols:
            return size + missing
        return size

    def symbols(self, feature: str) -> int | None:
        """Returns how many symbols (or channels) a feature really has: its vocabulary size without rounding."""
        return self.problem["features"][feature].get("vocab_size")

    def _override(self, what: str, feature: str) -> str:
        """Returns the modality that `hparams.bottom`, `.top` or `.loss` names for a feature, else the feature's own."""
        return (self.hparams.get(what) or {}).get(feature) or self.problem["features"][feature]["modality"]

    def bottom(self, features: Features, training: bool = False) -> Features:
        """Embeds each feature by its modality and keeps the raw one as NAME_raw; other features are unchanged."""
        if self.problem is None:
            return dict(features)
        embedded = dict(features)
        for name, modality in self.modalities.items():
            if name in features:
                embed = modality.targets_bottom if is_target(name) else modality.bottom
                embedded[name] = embed(features[name], training=training)
                embedded[f"{name}_raw"] = features[name]
        return embedded

    def inputs_padding(self, features: Features) -> Tensor | None:
        """Returns which positions of embedded inputs must not change outputs; None without `hparams.mask_padding`.

        Args:
            features: the result of `bottom`.

        Returns:
            1.0 at padding, else 0.0: [batch, length].
        """
        if not self.mask_padding:
            return None
        if "inputs_raw" not in features:  # without a problem
            return embedding_padding(features["inputs"])
        return self.modalities["inputs"].padding(features["inputs_raw"], features["inputs"])

    def inputs_padding_bias(self, features: Features) -> Tensor | None:
        """Returns the bias of attention [batch, 1, 1, length] that masks `inputs_padding`; None if that is None."""
        padding = self.inputs_padding(features)
        return None if padding is None else ignore_padding_bias(padding)

    def body(self, features: Features, training: bool = False) -> Tensor:
        """Returns a vector for each output position, [batch, length, hidden], from embedded features."""
        raise NotImplementedError(f"{type(self).__name__} must define body(features)")

    def top(self, body_output: Tensor, features: Features) -> Tensor:
        """Returns logits from the body's output."""
        if self.problem is None:
            return body_output
        if (
            isinstance(self.target_top, ClassLabel)
            and (padding := self.pooled_padding(features, body_output)) is not None
        ):
            body_output = self.target_top.without_padding(body_output, padding)
        logits = self.mask_rounding(self.target_top.top(body_output))
        if self.uses_ctc:
            padding = self.modalities["inputs"].padding(features["inputs"], body_output)
            logits = self.target_top.mask_padding(logits, padding)
        return logits

    def pooled_padding(self, features: Features, body_output: Tensor) -> Tensor | None:
        """Returns 1.0 at the output positions [batch, length] that pooling leaves out; None if it uses all."""
        if not (self.mask_padding and self.pools_inputs):
            return None
        if self.problem is None:
            return embedding_padding(features["inputs"])
        return self.modalities["inputs"].padding(features["inputs"], body_output)

    def mask_rounding(self, logits: Tensor) -> Tensor:
        """Masks the logits [..., vocab_size] of ids that exist only because `vocab_divisor` rounds the size up."""
        if not self._is_rounded(logits):
            return logits
        exists = ops.arange(logits.shape[-1]) < self.symbols("targets")
        return ops.where(exists, logits, ops.cast(MASKED_LOGIT, logits.dtype))

    def _without_rounding(self, logits: Tensor) -> Tensor:
        """Returns the logits [..., symbols] of the ids that exist: label smoothing gives masked ones no share."""
        return logits[..., : self.symbols("targets")] if self._is_rounded(logits) else logits

    def _is_rounded(self, logits: Tensor) -> bool:
        size = self.vocab_size("targets") if "targets" in self.problem["features"] else None
        return size is not None and size != self.symbols("targets") and logits.shape[-1] == size

    def __call__(self, features: Features, *args: Any, **kwargs: Any) -> Tensor:
        check_features(self, features)
        with targets_named_if_missing(self, features):
            return super().__call__(features, *args, **kwargs)

    def call(self, features: Features, training: bool = False) -> Tensor:
        embedded = self.bottom(features, training=training)
        outputs = self.top(self.body(embedded, training=training), features)
        return (
            outputs if self.problem is None else ops.cast(outputs, keras.backend.result_type(outputs.dtype, "float32"))
        )

    # Building

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes every variable. No data are needed: hparams define the features' shapes.

        Raises:
            MemoryError: a variable that does not fit into the memory.
        """
        if self.built:
            return
        with within_memory():
            for modality in (*self.modalities.values(), self.target_top):
                if modality is not None and not modality.built:
                    modality.build()
            with keras.name_scope("body"):
                self.build_body()
        self.built = True

    def build_body(self) -> None:
        """Builds the body's layers, by default by running the body once on a batch of one zero example."""
        hidden = ops.zeros((1, 8, self.hidden_size), self.compute_dtype)
        names = self.problem["features"] if self.problem is not None else ("inputs", "targets")
        raw = {f"{name}_raw": ops.zeros((1, 8), "int32") for name in names}
        self.body({**dict.fromkeys(names, hidden), **raw})

    # Loss

    def target_weights(self, targets: Tensor, training: bool = False) -> Tensor:
        """Returns the weight of each target position; they sum to 1 over the batch, of which a replica has its share.

        Used only without a `sample_weight`; problems' data sets supply one, computed by the same functions.
        """
        counted = self._weights_fns[bool(training)](ops.convert_to_tensor(targets), ops)
        replicas = self.distribute_strategy.num_replicas_in_sync if hasattr(self, "distribute_strategy") else 1
        return counted / ops.maximum(ops.sum(counted), 1e-9) / replicas

    def compute_loss(
        self,
        x: Tensor | None = None,
        y: Tensor | None = None,
        y_pred: Tensor | None = None,
        sample_weight: Tensor | None = None,
        training: bool = True,
    ) -> Tensor:
        """Returns the loss of the targets' modality summed over `sample_weight`, plus `add_loss` terms.

        A sum, because the weights of a batch sum to 1 over all replicas. Label smoothing in training only.

        Args:
            x: the features; not used.
            y: the targets.
            y_pred: logits.
            sample_weight: weights of the target positions; `target_weights` by default.
            training: whether this is a training step.

        Returns:
            float32 scalar.

        Raises:
            ValueError: the losses and the weights have different numbers of axes.
        """
        self._training_step = training
        if self.problem is None or self._loss_was_given:
            return super().compute_loss(x, y, y_pred, sample_weight, training=training)
        padded = len(y.shape) > 1 and not self.uses_ctc  # some models pad their output
        logits = y_pred[:, : ops.shape(y)[1]] if padded else y_pred
        losses = self._targets_loss(self._without_rounding(logits), y, self.label_smoothing if training else 0.0)
        weight = self.target_weights(y, training) if sample_weight is None else sample_weight
        if len(losses.shape) != len(weight.shape):  # or they would broadcast
            raise ValueError(f"losses {tuple(losses.shape)} need weights of their shape, not {tuple(weight.shape)}")
        total = ops.sum(losses * ops.cast(weight, losses.dtype)) * self.problem.get("loss_multiplier", 1.0)
        # Without a loss, Keras's `compute_loss` is the sum of the `add_loss` terms, scaled for the replicas.
        return total + super().compute_loss() if self.losses else total

    # Training

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does; `y` is by default the features' "targets" if these are arrays."""
        if isinstance(x, Mapping) or hasattr(x, "shape"):
            check_features(self, x)
            if y is None:
                y = x.get("targets")
            else:
                check_targets(self, x, y)
        self._build_to_train()
        with targets_named_if_missing(self, x), warnings.catch_warnings():
            # By default `shuffle` is True, which has no effect on a tf.data.Dataset.
            warnings.filterwarnings("ignore", message="`shuffle=True` was passed, but will be ignored")
            return super().fit(x, y, *args, **kwargs)

    def _build_to_train(self) -> None:
        """Makes all variables, the optimizer's included, for which Keras would trace a whole step of its own."""
        with self.distribute_strategy.scope() if hasattr(self, "distribute_strategy") else contextlib.nullcontext():
            self.build()
            if self.compiled and not self.optimizer.built:
                self.optimizer.build(self.trainable_variables)

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        jit_compile: bool | str | None = None,
        training_metrics: bool = True,
        **kwargs: Any,
    ) -> None:
        """Compiles the model as Keras does, with defaults from hparams.

        Args:
            optimizer: `optimizers.from_hparams(hparams)` by default.
            loss: by default that of the targets' modality.
            metrics: Keras metrics. By default those of `hparams.problem`'s "eval_metrics", of which slow ones (BLEU,
                ROUGE, edit distance) are computed in evaluation only.
            jit_compile: by default Keras's choice, except on TensorFlow without a GPU, where XLA is slower.
            training_metrics: whether default metrics are computed in training; without them a step is a little faster.
            **kwargs: further arguments of `keras.Model.compile`.
        """
        if optimizer is None:
            optimizer = optimizers.from_hparams(self.hparams)
        if jit_compile is None:
            on_cpu = keras.backend.backend() == "tensorflow" and not on_accelerator()
            jit_compile = False if on_cpu else "auto"
        names = (self.problem or {}).get("eval_metrics", ()) if metrics is None else ()
        # Not a tracked attribute: metrics are not part of the built model, which may be compiled again.
        object.__setattr__(self, "_evaluation_metrics", [metrics_by_name.get(name) for name in names])
        in_training = [m for m in self._evaluation_metrics if training_metrics and not m.is_slow]
        object.__setattr__(self, "_training_metrics", in_training)
        self._loss_was_given = loss is not None
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, jit_compile=jit_compile, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles a loaded model as the saved one was."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def compute_metrics(
        self, x: Tensor, y: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> dict[str, Any]:
        """Updates and returns the metrics; in training without those that are computed in evaluation only."""
        used = self._training_metrics if self._training_step else self._evaluation_metrics
        if used:
            weight = self.target_weights(y) if sample_weight is None else sample_weight
            for metric in used:
                metric.update_state(y, self._without_rounding(y_pred), sample_weight=weight)
        results = super().compute_metrics(x, y, y_pred, sample_weight)
        unused = {metric.name for metric in self._evaluation_metrics} - {metric.name for metric in used}
        return {name: value for name, value in results.items() if name not in unused}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [*super().metrics, *self._evaluation_metrics]

    # Decoding: by default the whole model runs on the whole prefix at every step.

    def init_cache(self, features: Features, max_length: int) -> Cache:
        """Returns the state of decoding up to `max_length` symbols.

        It is a nested dict of tensors whose first dimension is the batch. By default it has the features and the
        prefix; models with a real cache override this method and `decode_step`.
        """
        batch_size = ops.shape(next(iter(features.values())))[0]
        features = {name: ops.convert_to_tensor(value) for name, value in features.items() if name != "targets"}
        return {"features": features, "prefix": ops.zeros((batch_size, max_length), "int32")}

    def decode_step(self, ids: Tensor, position: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Decodes one symbol.

        Args:
            ids: [batch] int32, the symbols at `position - 1`; 0 at position 0.
            position: scalar int32.
            cache: from `init_cache` or the step before.

        Returns:
            Logits [batch, vocab_size] of the symbol at `position`, and the new cache.
        """
        previous = ops.arange(cache["prefix"].shape[1], dtype="int32")[None, :] == position - 1
        prefix = ops.where(previous, ids[:, None], cache["prefix"])
        logits = self({**cache["features"], "targets": prefix}, training=False)
        # a model that reads symbols off its inputs has no position after them: the last one is repeated
        last = ops.minimum(position, ops.shape(logits)[1] - 1)
        return ops.take(logits, last, axis=1), {**cache, "prefix": prefix}

    def infer(self, features: Features, **kwargs: Any) -> dict[str, Any]:
        """Decodes a batch of features; arguments and result as in `tensor2keras.decoding.infer`."""
        from tensor2keras import decoding  # a package above this one

        if self.problem is None:
            raise ValueError(f"{self.name} was made without a problem: there is no vocabulary to decode into")
        check_features(self, features)
        return decoding.infer(self, features, **kwargs)

    # Saving

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Prints what `keras.Model.summary` does, with the output shapes of the layers that a call reaches."""
        if not self.built:
            self.build()
        with output_shapes_in_summary(output_shapes(self)):
            super().summary(*args, **kwargs)

    def export(self, filepath: Any, *args: Any, input_signature: Any = None, **kwargs: Any) -> None:
        """Exports the model as `keras.Model.export` does, by default with the signature of `feature_specs`."""
        if not self.built:
            self.build()
        super().export(filepath, *args, input_signature=input_signature or [self.feature_specs()], **kwargs)

    def feature_specs(self) -> dict[str, keras.InputSpec]:
        """Returns shape and dtype of each feature of a call: any batch size, and any length unless it is fixed."""
        if self.problem is None:
            return dict.fromkeys(("inputs", "targets"), keras.InputSpec("float32", (None, None, self.hidden_size)))
        features = self.problem["features"]
        return {name: layer.feature_spec(features[name].get("shape")) for name, layer in self.modalities.items()}

    def get_config(self) -> dict[str, Any]:
        dtype = keras.dtype_policies.serialize(self.dtype_policy)
        return {"hparams": self.hparams.to_json(), "name": self.name, "dtype": dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "T2TModel":
        hparams = HParams.from_json(config["hparams"])
        dtype = keras.dtype_policies.get(config.get("dtype") or dtype_policy(hparams))
        # Not passed if it is the default: a subclass's constructor may take no dtype.
        is_default = dtype == keras.dtype_policies.get(dtype_policy(hparams))
        return cls(hparams, name=config["name"], **({} if is_default else {"dtype": dtype}))


def is_target(feature: str) -> bool:
    """Returns whether T2T treats a feature of this name as a target."""
    return "target" in feature


def dtype_policy(hparams: HParams) -> str | None:
    """Returns the Keras dtype policy that hparams choose; None for Keras's global policy."""
    half = {"bfloat16": "bfloat16", "float16": "float16"}.get(hparams.get("activation_dtype") or "float32")
    if hparams.get("gpu_automatic_mixed_precision"):
        half = half or "float16"
    if half is None:
        return None
    return half if hparams.get("weight_dtype") == half else f"mixed_{half}"
