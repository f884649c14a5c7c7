"""Runs the bodies of Tensor2Tensor's models and keeps what they compute, for `test_t2t_runs.py`.

    git clone https://github.com/tensorflow/tensor2tensor
    pip install tf_keras six gin-config
    python tests/golden/run_t2t.py tensor2tensor [CASE ...]

T2T's own code runs in graph mode under `tensorflow.compat.v1`. Stood in for are: modules that today's TensorFlow lacks
and these models do not compute with (`contrib`, estimators, tensorflow_probability, ...); `T2TModel`, as only `body` is
called; and three places where the code fails on Python 3 or asks for hyperparameters that it does not use. Each case
is a file of the inputs, the variables (all drawn from -0.5 to 0.5), the output and the further losses.
"""

import contextlib
import importlib
import json
import os
import sys
import types
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

FOLDER = Path(__file__).parent / "t2t_runs"
SMALL = {"hidden_size": 8, "filter_size": 12, "num_heads": 2, "num_hidden_layers": 2}
UNIVERSAL = {**SMALL, "num_rec_steps": 3, "act_max_steps": 4}
EXPERTS = {**SMALL, "attention_num_experts": 3, "attention_moe_k": 2, "moe_layers": ""}
GATES = {"add_step_timing_signal": False}
AREAS = {"num_area_layers": 1, "max_area_width": 3, "area_key_mode": "concat", "area_value_mode": "sum"}

# case -> (module in tensor2tensor.models, model, hparams set, overrides)
CASES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "transformer_areas": ("transformer", "transformer", "transformer_tiny", {**SMALL, **AREAS}),
    "transformer_encoder": ("transformer", "transformer_encoder", "transformer_tiny", SMALL),
    "transformer_moe_kinds": (
        "research.transformer_moe",
        "transformer_moe",
        "transformer_moe_base",
        {**SMALL, "layer_types": "a/a-sep#locm-sepm/redm-sepm/locm-a-fc", "attention_loc_block_length": 2},
    ),
    "attention_lm_moe_kinds": (
        "research.attention_lm_moe",
        "attention_lm_moe",
        "attention_lm_hybrid_v2",
        {**EXPERTS, "attention_layers": "hef", "attention_kq_size": 4, "attention_v_size": 8},
    ),
    "attention_lm_moe_memory_efficient": (
        "research.attention_lm_moe",
        "attention_lm_moe",
        "attention_lm_moe_base_memeff",
        EXPERTS,
    ),
    "attention_lm_translation": ("research.attention_lm", "attention_lm", "attention_lm_translation", SMALL),
    "evolved_transformer_without_self_attention": (
        "evolved_transformer",
        "evolved_transformer",
        "evolved_transformer_tiny",
        {**SMALL, "num_encoder_layers": 1, "num_decoder_layers": 1, "et_encoder_self_attention": False},
    ),
    "diagonal_neural_gpu": ("neural_gpu", "diagonal_neural_gpu", "neural_gpu", {"hidden_size": 8}),
} | {
    f"universal_transformer_{name}": (
        "research.universal_transformer",
        "universal_transformer",
        "universal_transformer_tiny",
        {**UNIVERSAL, **overrides},
    )
    for name, overrides in {
        "highway": {"recurrence_type": "highway", "gates_inputs": "sti"},
        "skip": {"recurrence_type": "skip", "gates_inputs": "s"},
        "dwa": {"recurrence_type": "dwa", "dwa_elements": False},
        "gru": {"recurrence_type": "gru", **GATES},
        "lstm": {"recurrence_type": "lstm", "use_memory_as_final_state": True, **GATES},
        "transition": {"recurrence_type": "lstm", "add_ffn_unit_to_the_transition_function": True, **GATES},
        "global_act": {"recurrence_type": "act", "act_type": "global"},
        "accumulated_act": {"recurrence_type": "act", "act_type": "accumulated"},
        "concat": {"add_or_concat_timing_signal": "concat"},
        "sru": {"add_sru": True},
        "mixed": {"mix_with_transformer": "before_ut", "num_mixedin_layers": 1},
    }.items()
}


def main(source: str, *names: str) -> None:
    """Runs the cases of these names, or all."""
    tf = stand_in(Path(source))
    FOLDER.mkdir(exist_ok=True)
    for name in names or CASES:
        arrays = run(tf, *CASES[name])
        np.savez_compressed(FOLDER / f"{name}.npz", **arrays)
        print(name, arrays["output"].shape, arrays["loss"])


def stand_in(source: Path) -> Any:
    """TensorFlow in the form that T2T's code asks for."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    sys.path.insert(0, str(source))
    for name in ("tensorflow_probability", "tensorflow_addons", "tf_slim", "gym", "mesh_tensorflow", "kfac"):
        sys.modules[name] = mock.MagicMock()
    import tensorflow
    import tensorflow.compat.v1 as tf

    estimator = mock.MagicMock()
    estimator.ModeKeys = types.SimpleNamespace(TRAIN="train", EVAL="eval", PREDICT="infer")
    tensorflow.compat.v1.estimator = sys.modules["tensorflow.compat.v1.estimator"] = estimator
    model = types.ModuleType("tensor2tensor.utils.t2t_model")
    model.T2TModel = type("T2TModel", (), {})
    sys.modules[model.__name__] = model
    for name in ("models", "models.research"):  # whose __init__ imports every model
        package = types.ModuleType(f"tensor2tensor.{name}")
        package.__path__ = [str(source / "tensor2tensor" / name.replace(".", "/"))]
        sys.modules[package.__name__] = package
    tf.disable_v2_behavior()
    _mend(source)
    return tf


def _mend(source: Path) -> None:
    attention = source / "tensor2tensor/layers/common_attention.py"
    attention.write_text(
        attention.read_text().replace("head_size = io_size / num_heads", "head_size = io_size // num_heads")
    )
    contrib = importlib.import_module("tensor2tensor.utils.contrib")
    contrib.summary = mock.MagicMock()
    experts = importlib.import_module("tensor2tensor.utils.expert_utils")
    experts.DiscreteBottleneck = mock.MagicMock()
    local_moe, topk = experts.local_moe, types.SimpleNamespace(gating_type="topk")
    experts.local_moe = lambda *args, **kwargs: local_moe(*args, **{**kwargs, "hparams": topk})


class Hyperparameters(types.SimpleNamespace):
    """What a body asks of its hparams."""

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)

    def __contains__(self, name: str) -> bool:
        return hasattr(self, name)


def run(tf: Any, module_name: str, model: str, hparams_set: str, overrides: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of a case."""
    module = importlib.import_module(f"tensor2tensor.models.{module_name}")
    experts = importlib.import_module("tensor2tensor.utils.expert_utils")
    values = {**getattr(module, hparams_set)().values(), **overrides, "mode": "eval"}
    values = {name: 0.0 if name.endswith("dropout") else value for name, value in values.items()}
    random = np.random.default_rng(0)
    features = {
        name: random.normal(size=(2, 8, 1, values["hidden_size"])).astype("float32") for name in ("inputs", "targets")
    }
    features["inputs"][1, 6:] = 0
    kind = getattr(
        module, {"attention_lm": "AttentionLM", "diagonal_neural_gpu": "DiagonalNeuralGPU"}.get(model, _camel(model))
    )
    body = object.__new__(kind)
    body.hparams = body._hparams = Hyperparameters(**values)
    _prepare(body, module)

    tf.reset_default_graph()
    constants = {name: tf.constant(value) for name, value in features.items()} | {"target_space_id": tf.constant(0)}
    sharded = hasattr(kind, "body_sharded")
    with tf.variable_scope(model), contextlib.nullcontext() if sharded else tf.variable_scope("body"):
        if sharded:
            body._data_parallelism = experts.Parallelism(["/cpu:0"])
            output = body.body_sharded({name: [value] for name, value in constants.items()})
            output = output[0][0], output[1]
        else:
            output = body.body(constants)
    output, losses = output if isinstance(output, tuple) else (output, 0.0)
    loss = sum(losses.values()) if isinstance(losses, dict) else losses
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for variable in tf.global_variables():
            variable.load(random.uniform(-0.5, 0.5, variable.shape.as_list()).astype("float32"), session)
        found = session.run([output, tf.convert_to_tensor(loss), tf.global_variables()])
        variables = {
            f"var/{variable.op.name}": value for variable, value in zip(tf.global_variables(), found[2], strict=True)
        }
    case = json.dumps({"model": model, "hparams_set": hparams_set, "overrides": overrides})
    shown = {name: value[:, :, 0] for name, value in features.items()}
    return {"case": np.array(case), **shown, **variables, "output": found[0][:, :, 0], "loss": found[1]}


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _prepare(body: Any, module: Any) -> None:
    """What `__init__` of T2T's Transformers sets."""
    transformer = importlib.import_module("tensor2tensor.models.transformer")
    body.has_input, body.attention_weights, body.recurrent_memory_by_layer = True, {}, None
    evolved = "evolved" in module.__name__
    body._encoder_function = module.evolved_transformer_encoder if evolved else transformer.transformer_encoder
    body._decoder_function = module.evolved_transformer_decoder if evolved else transformer.transformer_decoder
    body._prepare_encoder_fn = transformer.transformer_prepare_encoder
    body._prepare_decoder_fn = transformer.transformer_prepare_decoder


if __name__ == "__main__":
    main(*sys.argv[1:])
