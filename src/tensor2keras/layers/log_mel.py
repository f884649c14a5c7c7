"""Log-mel features of waveforms, computed inside a model (T2T's `layers/common_audio.py`).

`data/audio.py` computes the same features in tf.data.

Shapes: waveforms [batch, samples] float, -1 to 1; features [batch, frames, bins, channels].
"""

import numpy as np
from keras import ops

from tensor2keras.types import Tensor

LOG_FLOOR = 1e-3  # energies are at least this before the log
VARIANCE_EPSILON = 1e-9
DELTA = (2, 1, 0, -1, -2)  # filter of the first derivative, over five frames


def samples_in(milliseconds: float, sample_rate: int) -> int:
    """Returns the number of samples in a time span, rounded down."""
    return int(milliseconds * sample_rate / 1e3)


def mel_matrix(num_bins: int, num_frequencies: int, sample_rate: int, lowest: float, highest: float) -> np.ndarray:
    """Returns triangular filters of equal width on the mel scale, [num_frequencies, num_bins] float32.

    Args:
        num_bins: number of filters.
        num_frequencies: number of frequencies in the spectrum, from 0 to half the sample rate.
        sample_rate: of the waveform, in hertz.
        lowest: lower end of the first filter, in hertz.
        highest: upper end of the last filter, in hertz.

    Reference:
        `tf.signal.linear_to_mel_weight_matrix` (HTK's mel scale).
    """

    def mel(hertz: float | np.ndarray) -> np.ndarray:
        return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)

    frequencies = mel(np.linspace(0.0, sample_rate / 2, num_frequencies)[1:, None])  # without frequency 0
    edges = np.linspace(mel(lowest), mel(highest), num_bins + 2)
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return np.pad(np.maximum(0.0, np.minimum(rising, falling)), ((1, 0), (0, 0))).astype("float32")


def delta_filters() -> np.ndarray:
    """Returns filters over nine frames for the energies, their first and second derivatives, [9, 1, 1, 3] float32."""
    filters = np.stack([np.eye(9)[4], np.pad(DELTA, 2), np.convolve(DELTA, DELTA)], axis=1)
    return (filters / np.linalg.norm(filters, axis=0))[:, None, None, :].astype("float32")


def fourier_kernel(frame_length: int, fft_length: int) -> np.ndarray:
    """Returns the convolution kernel from samples to the real, then the imaginary parts of the windowed spectrum.

    Args:
        frame_length: samples in the (periodic) Hann window.
        fft_length: samples of a transform, which has `fft_length // 2 + 1` frequencies.

    Returns:
        float32 [frame_length, 1, 2 * (fft_length // 2 + 1)].
    """
    time = np.arange(frame_length)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * time / frame_length)
    angles = 2 * np.pi * time[:, None] * np.arange(fft_length // 2 + 1) / fft_length
    waves = np.concatenate([np.cos(angles), -np.sin(angles)], axis=1)
    return (window[:, None] * waves)[:, None, :].astype("float32")


def fft_length_for(frame_length: int) -> int:
    """Returns the smallest power of two that is at least `frame_length`."""
    return 1 << (frame_length - 1).bit_length()


def log_mel(
    waveforms: Tensor,
    sample_rate: int = 16000,
    preemphasis: float = 0.97,
    frame_length: float = 25.0,
    frame_step: float = 10.0,
    lower_edge_hertz: float = 80.0,
    upper_edge_hertz: float = 7600.0,
    num_mel_bins: int = 80,
    dither: Tensor | None = None,
    mask_padding: bool = False,
) -> Tensor:
    """Computes log-mel energies, 0 after the end of each waveform (its last nonzero sample).

    Args:
        waveforms: float [batch, samples].
        sample_rate: in hertz.
        preemphasis: fraction of the previous sample that is subtracted from each sample; 0 for none.
        frame_length: in milliseconds.
        frame_step: time between the starts of two frames, in milliseconds.
        lower_edge_hertz: lower end of the first filter.
        upper_edge_hertz: upper end of the last filter.
        num_mel_bins: number of filters.
        dither: noise to add, of the waveforms' shape, or None.
        mask_padding: whether a waveform in a batch has the features that it has alone. In T2T the frame after its last
            is real too if the batch has room for it, and pre-emphasis adds a sample.

    Returns:
        float [batch, frames, num_mel_bins, 1].

    Reference:
        T2T `compute_mel_filterbank_features`.
    """
    length, step = samples_in(frame_length, sample_rate), samples_in(frame_step, sample_rate)
    fft_length = fft_length_for(length)
    places = ops.arange(ops.shape(waveforms)[1], dtype="int32")
    samples = ops.max(ops.where(ops.not_equal(waveforms, 0), places, 0), axis=1) + 1  # [batch]
    if dither is not None:
        waveforms = waveforms + dither
    if preemphasis > 0:
        waveforms = waveforms[:, 1:] - preemphasis * waveforms[:, :-1]
        samples = samples - 1
    if mask_padding:
        real = ops.arange(ops.shape(waveforms)[1], dtype="int32")[None, :] < samples[:, None]
        waveforms = waveforms * ops.cast(real, waveforms.dtype)
    frames = (ops.shape(waveforms)[1] + step - 1) // step
    padded = ops.pad(waveforms, ((0, 0), (0, length)))[:, :, None]
    kernel = ops.cast(fourier_kernel(length, fft_length), waveforms.dtype)
    real, imaginary = ops.split(ops.conv(padded, kernel, strides=step, padding="valid")[:, :frames], 2, axis=-1)
    magnitude = ops.sqrt(ops.square(real) + ops.square(imaginary))  # [batch, frames, frequencies]
    filters = mel_matrix(num_mel_bins, fft_length // 2 + 1, sample_rate, lower_edge_hertz, upper_edge_hertz)
    energies = ops.matmul(magnitude, ops.cast(filters, waveforms.dtype))
    count = (samples + step - 1) // step + (0 if mask_padding else 1)
    real_frames = ops.arange(frames, dtype="int32")[None, :] < count[:, None]
    return (ops.log(ops.maximum(energies, LOG_FLOOR)) * ops.cast(real_frames, waveforms.dtype)[:, :, None])[..., None]


def add_delta_deltas(features: Tensor) -> Tensor:
    """Adds first and second derivatives over time: [batch, frames, bins, 1] -> [batch, frames, bins, 3]."""
    return ops.conv(features, ops.cast(delta_filters(), features.dtype), strides=1, padding="same")


def normalize(features: Tensor, one_by_one: bool = False) -> Tensor:
    """Divides each bin of each utterance by its root mean square over time, as T2T's bottom does.

    T2T divides sums over an utterance by the number of values in the whole batch: hardly any mean is subtracted, and
    the deviation is too small by a factor that the layer norm after the first convolution cancels.

    Args:
        features: float [batch, frames, bins, channels], 0 where there is no frame.
        one_by_one: whether the number of values is that of each utterance: the result of a batch of one.

    Returns:
        The normalized features, of the same shape.
    """
    bins, channels = features.shape[2:]
    real = ops.cast(ops.not_equal(ops.sum(ops.abs(features), axis=-1, keepdims=True), 0), features.dtype)
    count = ops.sum(real, axis=(1, 2, 3) if one_by_one else None, keepdims=one_by_one) * bins * channels
    total = ops.sum(features, axis=1, keepdims=True)
    mean = total / count
    variance = (count * mean**2 - 2 * mean * total + ops.sum(features**2, axis=1, keepdims=True)) / count
    return (features - mean) * ops.rsqrt(variance + VARIANCE_EPSILON) * real
