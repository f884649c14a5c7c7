"""The bottom for audio; that it is Tensor2Tensor's, golden/test_models.py says (transformer_librispeech)."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.modality import speech as speech_modality


def make(**settings):
    layer = speech_modality.SpeechRecognition(None, 8, **settings)
    layer.build()
    random = np.random.default_rng(0)
    for variable in layer.weights:
        variable.assign(random.normal(scale=0.1, size=variable.shape))
    return layer


def frames(*lengths, width=40):
    x = np.random.default_rng(1).normal(size=(len(lengths), width, 80, 3)).astype("float32")
    for row, length in zip(x, lengths, strict=True):
        row[length:] = 0
    return x


@pytest.mark.parametrize(("length", "positions"), [(4, 2), (40, 11), (41, 11), (43, 12), (47, 13)])
def test_four_frames_make_a_position(length, positions):
    layer, x = make(), frames(length, width=length)
    before = ops.convert_to_numpy(layer.bottom(ops.convert_to_tensor(x)))
    assert before.shape == (1, positions, 8)
    x[:, 0] += 1.0  # the first frame is heard by the first position, and at most by its neighbour
    difference = np.abs(ops.convert_to_numpy(layer.bottom(ops.convert_to_tensor(x))) - before).max(axis=(0, 2))
    assert difference[0] > 1e-4
    assert np.all(difference[2:] < 1e-5)


def test_variables_lie_in_tensor2tensors_scopes():
    paths = {variable.path for variable in make().weights}
    scope = "speech_recognition_modality/speech_recognition_modality"
    assert f"{scope}/conv2d_2/kernel" in paths
    assert f"{scope}/layer_norm_1/layer_norm_scale" in paths
    assert len(paths) == 9


def test_waveforms_give_what_their_features_give():
    layer = make(audio_preproc_in_bottom=True)
    waveforms = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 5000)).astype("float32"))
    features = layer.features(waveforms)
    layer.preproc_in_bottom = False
    expected = ops.convert_to_numpy(layer.bottom(features))
    layer.preproc_in_bottom = True
    np.testing.assert_allclose(ops.convert_to_numpy(layer.bottom(waveforms)), expected, atol=1e-5)


def test_noise_is_added_in_training_only():
    layer = make(audio_preproc_in_bottom=True, audio_dither=0.1)
    waveforms = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(1, 3000)).astype("float32"))
    quiet = ops.convert_to_numpy(layer.bottom(waveforms))
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.bottom(waveforms)), quiet)
    assert np.abs(ops.convert_to_numpy(layer.bottom(waveforms, training=True)) - quiet).max() > 1e-4


def test_masked_padding_is_zero_and_leaves_the_rest_alone():
    layer = make(audio_mask_padding=True)
    short = ops.convert_to_numpy(layer.bottom(ops.convert_to_tensor(frames(20, width=40))))
    long = ops.convert_to_numpy(
        layer.bottom(ops.convert_to_tensor(np.pad(frames(20), ((0, 0), (0, 60), (0, 0), (0, 0)))))
    )
    assert not short[:, 5:].any()
    np.testing.assert_allclose(long[:, :11], short, atol=1e-5)
    assert not long[:, 11:].any()


@pytest.mark.parametrize("length", [12, 16, 17, 19])
def test_an_utterance_gives_the_same_positions_in_any_batch(length):
    layer = make(mask_padding=True)
    alone = ops.convert_to_numpy(layer.bottom(ops.convert_to_tensor(frames(length, 40)[:1, :length])))[0]
    beside = ops.convert_to_numpy(layer.bottom(ops.convert_to_tensor(frames(length, 40))))[0]
    real = -(-length // 4)
    assert np.abs(beside[:real]).max(axis=1).all()
    np.testing.assert_allclose(alone[:real], beside[:real], rtol=1e-4, atol=1e-5)
    assert not alone[real:].any()
    assert not beside[real:].any()


@pytest.mark.parametrize("samples", [2880, 3041, 3200])
def test_a_waveform_gives_the_same_positions_in_any_batch(samples):
    layer = make(mask_padding=True, audio_preproc_in_bottom=True)
    x = np.random.default_rng(0).normal(size=(2, 5000)).astype("float32")
    x[0, samples:] = 0
    alone, beside = (ops.convert_to_numpy(layer.bottom(ops.convert_to_tensor(w)))[0] for w in (x[:1, :samples], x))
    real = -(-samples // 640)
    assert np.abs(beside[:real]).max(axis=1).all()
    np.testing.assert_allclose(alone[:real], beside[:real], rtol=1e-3, atol=1e-4)
    assert not beside[real:].any()


def test_padding_begins_after_the_last_frame():
    layer = make()
    x = frames(13, 40, 0)
    x[0, 4:8] = 0  # silence inside
    found = ops.convert_to_numpy(layer.padding(ops.convert_to_tensor(x), ops.zeros((3, 11, 8))))
    assert found.sum(axis=1).tolist() == [11 - 4, 1, 11]
    waveforms = make(audio_preproc_in_bottom=True)
    samples = np.zeros((1, 4000), "float32")
    samples[0, 641] = 1.0
    found = ops.convert_to_numpy(waveforms.padding(ops.convert_to_tensor(samples), ops.zeros((1, 7, 8))))
    assert found.tolist() == [[0, 0, 1, 1, 1, 1, 1]]
