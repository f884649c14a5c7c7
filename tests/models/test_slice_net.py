"""SliceNet; what every model does is tested in `test_every_model.py`."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tests.models import zoo
from tests.models.tiny import run, symbol_problem

KINDS = {
    "one separable convolution": {"separability": 0},
    "groups that are mixed": {"separability": 2},
    "other kernels": {"kernel_scheme": "none", "large_kernel_size": 5},
    "dilation": {"kernel_scheme": "3.3.3.3", "dilation_scheme": "1.2.4.8"},
    "no attention": {"attention_type": "none"},
}


def tiny_slice_net(problem=None, **overrides):
    small = {"hidden_size": 36, "num_hidden_layers": 1, "num_heads": 2, **overrides}
    model = registry.model("slice_net", registry.hparams("slicenet_1", problem or symbol_problem(), small))
    model.build()
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_steps_equal_the_whole_sequence(kind):
    model, batch = tiny_slice_net(**KINDS[kind]), zoo.batch("slice_net")
    expected = run(model, batch)
    cache = model.init_cache({"inputs": ops.convert_to_tensor(batch["inputs"])}, 8)
    last = np.zeros(3, "int32")
    for position in range(batch["targets"].shape[1]):
        logits, cache = model.decode_step(ops.convert_to_tensor(last), ops.convert_to_tensor(position, "int32"), cache)
        np.testing.assert_allclose(ops.convert_to_numpy(logits), expected[:, position], rtol=2e-4, atol=2e-4)
        last = batch["targets"][:, position]


def test_classes_need_no_decoder():
    model = tiny_slice_net(zoo.classes())
    assert not any("decoder" in variable.path for variable in model.variables)
    batch = {"inputs": zoo.batch("slice_net")["inputs"], "targets": np.array([0, 1, 2], "int32")}
    assert run(model, batch).shape == (3, 3)


def test_the_target_space_begins_the_targets():
    french, german = (tiny_slice_net(symbol_problem(target_space_id=space)) for space in (3, 4))
    german.set_weights(french.get_weights())
    batch = zoo.batch("slice_net")
    assert np.abs(run(french, batch)[:, 0] - run(german, batch)[:, 0]).max() > 1e-5


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"attention_type": "area"}, "attention_type='area' is not supported by slice_net; allowed: none, transformer"),
        ({"hidden_size": 16}, "hidden_size=16 has no room for timing signals: 32 or more"),
        ({"hidden_size": 40}, "filters=40 cannot be divided into separability=-3 groups"),
    ],
)
def test_what_cannot_be_built_is_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        tiny_slice_net(**overrides)
