"""Waveforms of audio files, and log-mel features of waveforms in `tf.data` (T2T's `layers/common_audio.py`).

`layers/log_mel.py` computes the same energies inside a model. Shapes: waveforms [samples] int16, mono; features [batch,
frames, bins, channels] float32.
"""

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

SAMPLE_RATE = 16000
LARGEST = np.iinfo(np.int16).max  # the sample that becomes 1.0
CANCELLED = 1e-3  # channels cancel each other out if their mean has less than this share of the loudest one's power
LOG_FLOOR = 1e-3
VARIANCE_EPSILON = 1e-9

# Hyperparameters of the features at T2T's values; a speech problem adds them to any hyperparameter set.
HPARAMS = {
    "audio_sample_rate": SAMPLE_RATE,
    "audio_preemphasis": 0.97,
    "audio_dither": 1.0 / LARGEST,  # in training only
    "audio_frame_length": 25.0,
    "audio_frame_step": 10.0,
    "audio_lower_edge_hertz": 20.0,
    "audio_upper_edge_hertz": 8000.0,
    "audio_num_mel_bins": 80,
    "audio_add_delta_deltas": True,
    "num_zeropad_frames": 250,
    # SpecAugment (Park et al. 2019, https://arxiv.org/abs/1904.08779), without time warping; 0 masks: off.
    # Its policy LD is 2 masks of each kind, widths 27 and 100.
    "specaugment_frequency_masks": 0,
    "specaugment_frequency_width": 27,
    "specaugment_time_masks": 0,
    "specaugment_time_width": 100,
    "specaugment_time_share": 1.0,  # a time mask covers at most this share of an utterance
}


# ---- files ----


def require_soundfile() -> Any:
    """Returns the library that reads audio files; ValueError saying what to install if it is missing."""
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: no libsndfile
        raise ValueError(
            f"audio files are read by the soundfile library ({error}): pip install 'tensor2keras[speech]'"
        ) from None
    return soundfile


def read_waveform(path: str | os.PathLike, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Returns the waveform of an audio file (wav, flac, mp3, ogg, ...), channels averaged and resampled.

    Floating-point files (wav, aiff, caf, au, w64) hold samples in [-1, 1], which become 16-bit integers.

    Returns:
        int16 [samples].

    Raises:
        ValueError: no such file, or none that can be read; soundfile is not installed.
    """
    soundfile = require_soundfile()
    if not os.path.isfile(path):
        raise ValueError(f"{path}: no such audio file")
    try:
        with soundfile.SoundFile(path) as file:
            # libsndfile does not scale floating-point samples when it reads them as integers
            dtype = "float64" if file.subtype in ("FLOAT", "DOUBLE") else "int16"
            samples, rate = file.read(dtype=dtype, always_2d=True), file.samplerate
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise ValueError(f"{path}: cannot be read as audio ({error})") from None
    return as_waveform(samples, rate, str(path), sample_rate)


def as_waveform(samples: np.ndarray, rate: int, place: str, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Returns samples as one waveform, int16 [samples] at `sample_rate`.

    Channels are averaged, unless they cancel each other out: then the loudest is used, with a warning.

    Args:
        samples: [samples] or [samples, channels], 16-bit integers or floating-point values in [-1, 1]. Values outside
            this range are clipped, with a warning.
        rate: their rate in Hz.
        place: origin of the samples, for messages.
        sample_rate: the rate in Hz of the result.

    Raises:
        ValueError: fewer than two samples, integers that need more than 16 bits, or values that are not finite.
    """
    samples = samples[:, None] if samples.ndim == 1 else samples
    if len(samples) < 2:
        raise ValueError(f"{place}: the audio is empty")
    if samples.dtype.kind == "f":
        if not np.isfinite(samples).all():
            raise ValueError(f"{place}: the audio has samples that are not finite numbers")
        if clipped := np.count_nonzero(np.abs(samples) > 1):
            logging.warning("%s: %d samples beyond [-1, 1] are clipped", place, clipped)
        samples = np.clip(samples, -1, 1) * (LARGEST + 1)
    elif np.abs(samples, dtype="float64").max() > LARGEST + 1:
        raise ValueError(f"{place}: the audio has {samples.dtype} samples beyond the range of 16-bit integers")
    mono = samples[:, 0] if samples.shape[1] == 1 else _mixed(samples, place)
    if rate != sample_rate:
        mono = resample(mono.astype("float32"), rate, sample_rate)
    return mono if mono.dtype == np.int16 else np.clip(np.rint(mono), -LARGEST - 1, LARGEST).astype(np.int16)


def _mixed(samples: np.ndarray, place: str) -> np.ndarray:
    """Returns the mean of the channels of [samples, channels], or the loudest channel if they cancel each other out."""
    mean = samples.mean(axis=1)
    powers = np.mean(np.square(samples, dtype="float64"), axis=0)
    if np.mean(mean**2) >= CANCELLED * powers.max():
        return mean
    loudest = int(powers.argmax())
    logging.warning("%s: the channels cancel each other out; channel %d is taken", place, loudest)
    return samples[:, loudest]


def resample(samples: np.ndarray, rate: int, sample_rate: int) -> np.ndarray:
    """Returns samples [samples] at another rate, by SciPy's polyphase filter."""
    try:
        from scipy.signal import resample_poly
    except ImportError:
        raise ValueError(
            f"audio at {rate} Hz is resampled to {sample_rate} Hz by scipy: pip install 'tensor2keras[speech]'"
        ) from None
    divisor = math.gcd(rate, sample_rate)
    return resample_poly(samples, sample_rate // divisor, rate // divisor)


# ---- features ----


def setting(hparams: Mapping[str, Any], name: str) -> Any:
    """Returns the hyperparameter, or T2T's value if the set does not have it."""
    return hparams.get(name, HPARAMS[name])


def samples_a_frame(hparams: Mapping[str, Any]) -> int:
    """Returns the number of samples between the beginnings of two frames."""
    return int(setting(hparams, "audio_frame_step") * setting(hparams, "audio_sample_rate") / 1e3)


def num_channels(hparams: Mapping[str, Any]) -> int:
    """Returns the number of channels of the features: 3 with derivatives, else 1."""
    return 3 if setting(hparams, "audio_add_delta_deltas") else 1


def log_mel_features(
    waveforms: tf.RaggedTensor, hparams: Mapping[str, Any], seed: tf.Tensor | None = None
) -> tf.Tensor:
    """Returns log-mel energies with their derivatives, each bin normalized over the utterance, 0 after its end.

    Args:
        waveforms: int16 [batch, (samples)].
        hparams: `HPARAMS`, all or some.
        seed: [2]; if given, noise is added and parts are masked, as in training.

    Returns:
        [batch, frames, bins, channels], the longest utterance followed by `num_zeropad_frames` frames of 0.

    Reference:
        T2T `SpeechRecognitionProblem.preprocess_example`.
    """
    lengths = tf.cast(waveforms.row_lengths(), tf.int32)
    x = tf.cast(waveforms.to_tensor(), tf.float32) / LARGEST  # [batch, samples]
    dither, preemphasis = setting(hparams, "audio_dither"), setting(hparams, "audio_preemphasis")
    if seed is not None and dither > 0:
        x += tf.random.stateless_normal(tf.shape(x), seed, stddev=dither)
    if preemphasis > 0:
        x, lengths = x[:, 1:] - preemphasis * x[:, :-1], lengths - 1
    x *= tf.sequence_mask(lengths, tf.shape(x)[1], tf.float32)

    rate, step = setting(hparams, "audio_sample_rate"), samples_a_frame(hparams)
    frame_length = int(setting(hparams, "audio_frame_length") * rate / 1e3)
    fft_length = 1 << (frame_length - 1).bit_length()
    magnitude = tf.abs(tf.signal.stft(x, frame_length, step, fft_length, pad_end=True))
    filters = tf.signal.linear_to_mel_weight_matrix(
        setting(hparams, "audio_num_mel_bins"),
        fft_length // 2 + 1,
        rate,
        setting(hparams, "audio_lower_edge_hertz"),
        setting(hparams, "audio_upper_edge_hertz"),
    )
    energies = tf.math.log(tf.maximum(LOG_FLOOR, tf.matmul(magnitude, filters)))  # [batch, frames, bins]
    frames = -(-lengths // step)
    mask = tf.sequence_mask(frames, tf.shape(energies)[1], tf.float32)[:, :, None, None]
    features = energies[..., None] * mask
    if setting(hparams, "audio_add_delta_deltas"):
        features = tf.nn.conv2d(features, _delta_filters(), 1, "SAME") * mask
    features = _normalize(features, mask)
    if seed is not None:
        features = spec_augment(features, frames, hparams, seed)
    return tf.pad(features, [[0, 0], [0, setting(hparams, "num_zeropad_frames")], [0, 0], [0, 0]])


def _delta_filters() -> np.ndarray:
    """Returns [9, 1, 1, 3]: a channel itself, its first and its second derivative over time, filters of norm 1."""
    slope = [2, 1, 0, -1, -2]
    filters = np.stack([np.eye(9)[4], np.pad(slope, 2), np.convolve(slope, slope)], axis=1)
    return (filters / np.linalg.norm(filters, axis=0))[:, None, None, :].astype("float32")


def _normalize(features: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Normalizes to mean 0 and deviation 1 over the time of each utterance, for each bin of each channel."""
    count = tf.reduce_sum(mask, axis=1, keepdims=True)
    mean = tf.math.divide_no_nan(tf.reduce_sum(features, axis=1, keepdims=True), count)
    centered = (features - mean) * mask
    variance = tf.math.divide_no_nan(tf.reduce_sum(centered**2, axis=1, keepdims=True), count)
    return centered * tf.math.rsqrt(variance + VARIANCE_EPSILON)


def spec_augment(features: tf.Tensor, frames: tf.Tensor, hparams: Mapping[str, Any], seed: tf.Tensor) -> tf.Tensor:
    """Sets bands of frequencies and spans of time to 0, the mean (SpecAugment), different ones for each utterance.

    Args:
        features: [batch, frames, bins, channels].
        frames: int32 [batch], their number; the last one is never masked, because it shows where the utterance ends.
        hparams: the `specaugment_...` of `HPARAMS`.
        seed: [2].
    """
    batch, length, bins = (tf.shape(features)[axis] for axis in range(3))
    bands, spans = (setting(hparams, f"specaugment_{axis}_masks") for axis in ("frequency", "time"))
    _, *seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 1 + bands + spans))
    ends = tf.fill([batch], bins)
    widest = tf.minimum(ends, setting(hparams, "specaugment_frequency_width"))
    for band_seed in seeds[:bands]:
        masked = _random_span(ends, widest, bins, band_seed)
        features = tf.where(masked[:, None, :, None], 0.0, features)
    longest = tf.cast(setting(hparams, "specaugment_time_share") * tf.cast(frames, tf.float32), tf.int32)
    longest = tf.minimum(longest, setting(hparams, "specaugment_time_width"))
    for span_seed in seeds[bands:]:
        masked = _random_span(frames - 1, longest, length, span_seed)
        features = tf.where(masked[:, :, None, None], 0.0, features)
    return features


def _random_span(ends: tf.Tensor, longest: tf.Tensor, length: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Returns bool [batch, length]: a random span of 0 to `longest` positions within the first `ends`; both [batch]."""
    width, start = tf.unstack(tf.random.stateless_uniform([2, tf.shape(ends)[0]], seed))
    width = tf.minimum(tf.floor(width * tf.cast(longest + 1, tf.float32)), tf.cast(ends, tf.float32))
    start = tf.floor(start * (tf.cast(ends, tf.float32) - width + 1))
    places = tf.cast(tf.range(length), tf.float32)[None, :]
    return (places >= start[:, None]) & (places < (start + width)[:, None])
