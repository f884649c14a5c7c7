"""Features made inside a model. The figures are Tensor2Tensor's own, of the waveforms of `waveforms`."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers import log_mel

OPTIONS = {"lower_edge_hertz": 20.0, "upper_edge_hertz": 8000.0}
MEL = [  # of the first waveform, T2T's `compute_mel_filterbank_features`: frames 0, 7, 15, 29, bins 0, 10, 20, 40, 79
    [-1.184623, -6.9077554, -6.9077554, -6.9077554, -6.6233134],
    [-1.3636237, -6.9077554, -6.9077554, -6.9077554, -6.1353526],
    [-5.2732058, -6.7516937, -6.9077554, -6.9077554, -6.39812],
    [-2.277759, -0.6552174, -2.3142662, -2.752042, -2.642838],
]
NORMALIZED = [  # what T2T's bottom makes of both: [utterance, frame 0 or 12, bin 5 or 30, channel]
    [
        [[-349.1239, 586.80176, 264.29367], [-219.45006, 654.3393, 331.89893]],
        [[-187.21829, -28.489923, 6.291343], [-219.45006, 0.0008005, -0.0012607]],
    ],
    [
        [[-195.72346, 675.9656, 350.70712], [-196.5805, 639.9632, 329.4701]],
        [[-195.72346, 0.0003833, -0.0022912], [-196.84401, 0.0246057, 0.0144068]],
    ],
]


@pytest.fixture
def waveforms():
    """[2, 6000]: the first ends after 4800 samples."""
    time = np.arange(4800)
    chirp = np.rint(8000 * np.sin(1e-5 * time**2) * np.cos(time / 1500)).astype(np.int16)
    sine = np.sin(np.arange(6000) * 0.3) * 0.1
    return np.stack([np.pad(chirp / np.float32(32767), (0, 1200)), sine]).astype("float32")


def test_energies_are_tensor2tensors(waveforms):
    found = ops.convert_to_numpy(log_mel.log_mel(ops.convert_to_tensor(waveforms[:1, :4800]), **OPTIONS))
    assert found.shape == (1, 30, 80, 1)
    np.testing.assert_allclose(found[0][np.ix_((0, 7, 15, 29), (0, 10, 20, 40, 79))][..., 0], MEL, atol=5e-3)


def test_normalized_features_are_tensor2tensors(waveforms):
    energies = log_mel.log_mel(ops.convert_to_tensor(waveforms), **OPTIONS)
    found = ops.convert_to_numpy(log_mel.normalize(log_mel.add_delta_deltas(energies)))
    assert found.shape == (2, 38, 80, 3)
    np.testing.assert_allclose(found[:, [0, 12]][:, :, [5, 30]], NORMALIZED, rtol=2e-3, atol=1.0)
    assert np.count_nonzero(np.abs(found).sum((2, 3)), axis=1).tolist() == [35, 38]


def test_energy_of_a_tone_lies_in_its_bin():
    samples = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype("float32")[None]
    found = ops.convert_to_numpy(log_mel.log_mel(ops.convert_to_tensor(samples), **OPTIONS))[0, 50, :, 0]
    edges = np.linspace(*(1127 * np.log1p(np.array([20.0, 8000.0]) / 700)), 82)
    assert np.argmax(found) == np.argmin(np.abs(edges[1:-1] - 1127 * np.log1p(1000 / 700)))


def test_derivatives_of_a_ramp():
    ramp = np.arange(20, dtype="float32")[None, :, None, None]
    found = ops.convert_to_numpy(log_mel.add_delta_deltas(ops.convert_to_tensor(ramp)))[0, 4:-4, 0]
    np.testing.assert_allclose(found[:, 0], np.arange(4, 16), rtol=1e-5)
    np.testing.assert_allclose(found[:, 1], -10 / np.sqrt(10), rtol=1e-4)  # T2T's sign: falling is positive
    np.testing.assert_allclose(found[:, 2], 0, atol=1e-4)
