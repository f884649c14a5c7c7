"""Log-probabilities of given targets, under a model whose logits are the same everywhere."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.decoding import scoring
from tests.decoding.toy import EOS, Letters

LOGITS = np.log([0.1, 0.4, 0.3, 0.2]).astype("float32")  # padding, EOS, a, b


class Constant(keras.Model):
    """The logits of every position, times 1 + the first input where there are inputs."""

    def __init__(self):
        super().__init__()
        self.built = True

    def call(self, features, training=False):
        scale = ops.cast(features["inputs"][:, :1], "float32") if "inputs" in features else 0.0
        shape = (*features["targets"].shape, len(LOGITS))
        return ops.broadcast_to(LOGITS, shape) * ops.reshape(1.0 + scale * ops.ones((*shape[:1], 1)), (-1, 1, 1))


def test_the_loss_is_a_mean_over_tokens_with_the_end_and_without_padding():
    losses = scoring.target_losses(Constant(), {"targets": np.array([[2, 2, EOS], [3, EOS, 0]])})
    expected = [-np.log([0.3, 0.3, 0.4]).mean(), -np.log([0.2, 0.4]).mean()]
    np.testing.assert_allclose(ops.convert_to_numpy(losses), expected, rtol=1e-6)


def test_lines_of_any_length_are_scored_in_their_order():
    lines = [(None, "b"), (None, "a" * 20), (None, "")]
    found = scoring.score_texts(Constant(), {"targets": Letters()}, lines, batch_size=2)
    expected = [-np.log([0.2, 0.4]).mean(), -(20 * np.log(0.3) + np.log(0.4)) / 21, -np.log(0.4)]
    assert found == pytest.approx(expected, rel=1e-6)


def test_each_target_goes_with_its_own_input():
    encoders = {"inputs": Letters(), "targets": Letters()}
    first, second = scoring.score_texts(Constant(), encoders, [("a", "a"), ("b", "a")])
    powers = [np.exp(LOGITS * n) / np.exp(LOGITS * n).sum() for n in (3, 4)]  # ids of a and b are 2 and 3
    assert [first, second] == pytest.approx([-np.log(p[[2, EOS]]).mean() for p in powers], rel=1e-5)
