"""Waveforms and features. The figures in `MEL` and `FEATURES` are Tensor2Tensor's own, of the waveform `chirp`."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tensor2keras.data import audio
from tests.data.recordings import tone, write

TIME = np.arange(4800)
CHIRP = np.rint(8000 * np.sin(1e-5 * TIME**2) * np.cos(TIME / 1500)).astype(np.int16)
FRAMES, BINS = (0, 7, 15, 29), (0, 20, 79)
FEATURES = [  # T2T's `preprocess_example` without dither: [frame, bin, channel]
    [[1.2378998, 0.4423749, 0.1409756], [-0.265384, 3.0777156, 1.2038579], [-0.3658374, 3.067401, 1.3829827]],
    [[1.1498295, 0.4378835, -0.8319463], [-0.265384, 0.100892, -0.4985237], [0.1762125, -0.2172476, -0.6126101]],
    [[-0.7737256, 0.3605686, 0.7975768], [-0.265384, 0.100892, -0.4985237], [-0.1156818, 0.0080689, -0.4213615]],
    [[0.7000654, -2.937772, -1.4187553], [4.173569, -2.3523102, -1.778902], [4.0558624, -2.453929, -1.5200664]],
]


def features_of(*waveforms, seed=None, **hparams):
    ragged = tf.RaggedTensor.from_row_lengths(np.concatenate(waveforms), [len(w) for w in waveforms])
    return audio.log_mel_features(ragged, {"num_zeropad_frames": 0, **hparams}, seed).numpy()


def test_features_are_tensor2tensors():
    features = features_of(CHIRP)
    assert features.shape == (1, 30, 80, 3)
    np.testing.assert_allclose(features[0][np.ix_(FRAMES, BINS)], FEATURES, atol=2e-4)


def test_every_bin_is_normalized_over_the_utterance():
    features = features_of(CHIRP)[0]
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(features.std(axis=0), 1, atol=1e-3)


def test_an_utterance_does_not_depend_on_the_others_of_its_batch():
    alone, together = features_of(CHIRP), features_of(CHIRP, tone(300, 0.9))
    np.testing.assert_allclose(together[0, :30], alone[0], atol=1e-4)
    assert not together[0, 30:].any()


def test_frames_of_silence_follow():
    features = features_of(CHIRP, num_zeropad_frames=250)
    assert features.shape == (1, 280, 80, 3)
    assert not features[0, 30:].any()


def test_without_derivatives_there_is_one_channel():
    features = features_of(CHIRP, audio_add_delta_deltas=False, audio_num_mel_bins=40)
    assert features.shape == (1, 30, 40, 1)
    np.testing.assert_array_equal(features[..., 0], features_of(CHIRP, audio_num_mel_bins=40)[..., 0])


def test_noise_comes_with_a_seed_and_is_the_same_for_the_same():
    quiet = features_of(CHIRP)
    np.testing.assert_array_equal(quiet, features_of(CHIRP))
    seed, other = tf.constant([1, 2], tf.int64), tf.constant([1, 3], tf.int64)
    noisy = features_of(CHIRP, seed=seed)
    assert np.abs(noisy - quiet).max() > 1e-3
    np.testing.assert_array_equal(noisy, features_of(CHIRP, seed=seed))
    assert np.abs(noisy - features_of(CHIRP, seed=other)).max() > 1e-3


@pytest.mark.parametrize("number", range(5))
def test_spec_augment_hides_bands_and_stretches(number):
    ones = tf.ones([3, 50, 80, 3])
    frames = tf.constant([50, 30, 10])
    policy = {
        "specaugment_frequency_masks": 2,
        "specaugment_frequency_width": 10,
        "specaugment_time_masks": 1,
        "specaugment_time_width": 20,
        "specaugment_time_share": 0.5,
    }
    masked = audio.spec_augment(ones, frames, policy, tf.constant([number, 0], tf.int64)).numpy()
    for row, length in zip(masked, (50, 30, 10), strict=True):
        hidden_bins = ~row[-1].any(axis=1)  # the last frame is never hidden whole
        assert hidden_bins.sum() <= 20
        hidden_frames = ~row[:, ~hidden_bins].any(axis=(1, 2))
        assert hidden_frames.sum() <= min(20, length // 2)
        assert not hidden_frames[length - 1 :].any()
    assert (masked == 0).any()


def test_spec_augment_is_off_by_default():
    seed = tf.constant([0, 0], tf.int64)
    frames = tf.constant([50])
    np.testing.assert_array_equal(audio.spec_augment(tf.ones([1, 50, 80, 3]), frames, {}, seed), 1)


# ---- files ----


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_file_is_its_samples(tmp_path, name):
    np.testing.assert_array_equal(audio.read_waveform(write(tmp_path / name, CHIRP)), CHIRP)


def test_channels_are_averaged(tmp_path):
    path = write(tmp_path / "stereo.wav", np.stack([CHIRP, np.zeros_like(CHIRP)], axis=1))
    np.testing.assert_allclose(audio.read_waveform(path), CHIRP / 2, atol=1)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.caf", "a.au", "a.w64"])
def test_floating_point_files_have_the_same_samples_as_integers(tmp_path, name, subtype):
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / name, CHIRP / 32768, 16000, subtype=subtype)
    np.testing.assert_array_equal(audio.read_waveform(tmp_path / name), CHIRP)


def test_floating_point_samples_beyond_full_scale_are_clipped_with_a_warning(caplog):
    waveform = audio.as_waveform(np.array([0.5, 2.0, -1.5, 0.0]), 16000, "loud.wav")
    np.testing.assert_array_equal(waveform, [16384, 32767, -32768, 0])
    assert "loud.wav: 2 samples beyond [-1, 1] are clipped" in caplog.text


@pytest.mark.parametrize(
    ("samples", "message"),
    [(np.array([0.0, np.nan]), "not finite"), (np.array([0, 2**20], np.int32), "int32 samples beyond .* 16-bit")],
)
def test_samples_that_are_no_audio_are_refused(samples, message):
    with pytest.raises(ValueError, match=rf"odd\.wav: the audio has .*{message}"):
        audio.as_waveform(samples, 16000, "odd.wav")


@pytest.mark.parametrize("scale", [1, 1 / 32768])
def test_channels_of_opposite_phase_give_the_loudest_and_a_warning(caplog, scale):
    other = CHIRP - CHIRP // 50
    waveform = audio.as_waveform(np.stack([-other, CHIRP], axis=1) * scale, 16000, "opposite.wav")
    np.testing.assert_array_equal(waveform, CHIRP)
    assert "opposite.wav: the channels cancel each other out; channel 1 is taken" in caplog.text


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_other_rates_are_resampled(tmp_path, rate):
    pytest.importorskip("scipy")
    waveform = audio.read_waveform(write(tmp_path / "tone.wav", tone(440, 1.0, rate), rate))
    assert waveform.dtype == np.int16
    assert len(waveform) == pytest.approx(16000, abs=2)
    np.testing.assert_allclose(waveform[1000:15000], tone(440, 1.0)[1000:15000], atol=300)


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(ValueError, match=r"text\.wav: cannot be read as audio"):
        audio.read_waveform(tmp_path / "text.wav")
    with pytest.raises(ValueError, match=r"none\.wav: no such audio file"):
        audio.read_waveform(tmp_path / "none.wav")
    with pytest.raises(ValueError, match=r"empty\.wav: the audio is empty"):
        audio.read_waveform(write(tmp_path / "empty.wav", CHIRP[:0]))


@pytest.mark.parametrize(("module", "message"), [("soundfile", "read by the soundfile"), ("scipy.signal", "by scipy")])
def test_a_missing_library_is_told(tmp_path, monkeypatch, module, message):
    path = write(tmp_path / "a.wav", CHIRP, 8000)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=rf"{message}.*pip install 'tensor2keras\[speech\]'"):
        audio.read_waveform(path)
