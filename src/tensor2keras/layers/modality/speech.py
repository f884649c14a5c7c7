"""Modality of audio: waveforms or their features, which become a sequence of embedded positions."""

from typing import Any

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.layers import log_mel
from tensor2keras.layers.modality.base import Modality
from tensor2keras.layers.normalization import LayerNorm
from tensor2keras.types import Shape, Tensor

CHANNELS = 128  # of the first two convolutions
STRIDE = 4  # frames that become one position


@registry.register_modality("speech_recognition")
class SpeechRecognition(Modality):
    """Audio: three convolutions over time and frequency, after which a position represents four frames.

    Shapes: features [batch, frames, bins, channels] as the problem computes them or, with `audio_preproc_in_bottom`,
    waveforms [batch, samples], from which they are computed here; embedded [batch, positions, hidden_size].

    Args:
        audio_preproc_in_bottom: whether inputs are waveforms.
        audio_mask_padding: whether positions after the end of an utterance are 0, which masks them in attention. T2T
            does not.
        mask_padding: the same, and the third convolution reads zeros there and waveforms are normalized one by one, so
            that the outputs of an utterance do not depend on the others in its batch.
        audio_sample_rate, audio_preemphasis, audio_frame_length, audio_frame_step, audio_lower_edge_hertz,
            audio_upper_edge_hertz, audio_num_mel_bins: see `log_mel.log_mel`.
        audio_dither: standard deviation of the noise added to waveforms in training.
        audio_add_delta_deltas: whether features have three channels (energies, first and second derivatives) or one.

    Reference:
        T2T `speech_recognition_bottom`.
    """

    scope = "speech_recognition_modality"
    settings = (
        "audio_preproc_in_bottom",
        "audio_mask_padding",
        "mask_padding",
        "audio_sample_rate",
        "audio_preemphasis",
        "audio_dither",
        "audio_frame_length",
        "audio_frame_step",
        "audio_lower_edge_hertz",
        "audio_upper_edge_hertz",
        "audio_num_mel_bins",
        "audio_add_delta_deltas",
    )

    def __init__(
        self,
        vocab_size: int | None,
        hidden_size: int,
        audio_preproc_in_bottom: bool = False,
        audio_mask_padding: bool = False,
        mask_padding: bool = False,
        audio_sample_rate: int = 16000,
        audio_preemphasis: float = 0.97,
        audio_dither: float = 0.0,
        audio_frame_length: float = 25.0,
        audio_frame_step: float = 10.0,
        audio_lower_edge_hertz: float = 20.0,
        audio_upper_edge_hertz: float = 8000.0,
        audio_num_mel_bins: int = 80,
        audio_add_delta_deltas: bool = True,
        **kwargs: Any,
    ):
        super().__init__(vocab_size, hidden_size, **kwargs)
        self.preproc_in_bottom = audio_preproc_in_bottom
        self.zero_padding = audio_mask_padding or mask_padding
        self.mask_padding = mask_padding
        self.dither = audio_dither
        self.step = log_mel.samples_in(audio_frame_step, audio_sample_rate)
        self.add_delta_deltas = audio_add_delta_deltas
        self.log_mel = {
            "sample_rate": audio_sample_rate,
            "preemphasis": audio_preemphasis,
            "frame_length": audio_frame_length,
            "frame_step": audio_frame_step,
            "lower_edge_hertz": audio_lower_edge_hertz,
            "upper_edge_hertz": audio_upper_edge_hertz,
            "num_mel_bins": audio_num_mel_bins,
        }
        self.seed_generator = keras.random.SeedGenerator()
        heights = [audio_num_mel_bins]  # bins left after each convolution
        for _ in range(2):
            heights.append((heights[-1] - 3) // 2 + 1)
        shared = {"use_bias": False, "kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        self.convolutions = [
            keras.layers.Conv2D(CHANNELS, (3, 3), (2, 2), name="conv2d", **shared),
            keras.layers.Conv2D(CHANNELS, (3, 3), (2, 2), name="conv2d_1", **shared),
            keras.layers.Conv2D(self.hidden_size, (3, heights[-1]), name="conv2d_2", **shared),
        ]
        names = ("layer_norm", "layer_norm_1", "layer_norm_2")
        self.norms = [LayerNorm(name=name, dtype=self.dtype_policy) for name in names]
        self.heights = heights

    def build(self, input_shape: Shape | None = None) -> None:
        channels = 3 if self.add_delta_deltas else 1
        with keras.name_scope(self.scope):  # that T2T's function opens
            for convolution, norm, height in zip(self.convolutions, self.norms, self.heights, strict=True):
                convolution.build((None, None, height, channels))
                channels = convolution.filters
                norm.build((None, None, None, channels))

    def features(self, waveforms: Tensor, training: bool = False) -> Tensor:
        """Computes normalized features [batch, frames, bins, channels] of waveforms [batch, samples]."""
        waveforms = ops.cast(waveforms, "float32")
        noise = None
        if training and self.dither > 0:
            noise = keras.random.normal(ops.shape(waveforms), stddev=self.dither, seed=self.seed_generator)
        features = log_mel.log_mel(waveforms, dither=noise, mask_padding=self.mask_padding, **self.log_mel)
        if self.add_delta_deltas:
            frames = ops.any(ops.not_equal(features, 0), axis=2, keepdims=True)
            features = log_mel.add_delta_deltas(features)
            if self.mask_padding:  # derivatives reach beyond the last frame
                features = features * ops.cast(frames, features.dtype)
        return log_mel.normalize(features, one_by_one=self.mask_padding)

    def bottom(self, x: Tensor, training: bool = False) -> Tensor:
        raw = x
        if self.preproc_in_bottom:
            x = self.features(x, training)
        x = ops.pad(ops.cast(x, self.compute_dtype), ((0, 0), (0, 8), (0, 0), (0, 0)))
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            if i == 2:
                if self.mask_padding:
                    x = x * self._real(raw, x)[:, :, None, None]
                x = ops.pad(x, ((0, 0), (0, 2), (0, 0), (0, 0)))
            x = ops.relu(norm(convolution(x)))
        x = x[:, :, 0]  # [batch, positions, hidden]
        return x * self._real(raw, x)[:, :, None] if self.zero_padding else x

    def _real(self, raw: Tensor, x: Tensor) -> Tensor:
        """Returns 0.0 at positions of x [batch, positions, ...] without input, else 1.0: [batch, positions]."""
        return ops.cast(1.0 - self.padding(raw, x), x.dtype)

    def feature_spec(self, shape: Shape | None = None) -> keras.InputSpec:
        if self.preproc_in_bottom:
            return keras.InputSpec("float32", (None, None))
        return keras.InputSpec("float32", (None, None, self.heights[0], 3 if self.add_delta_deltas else 1))

    def padding(self, raw: Tensor, embedded: Tensor) -> Tensor:
        """Returns 1.0 at the positions after the last frame (or sample) of an utterance that is not 0."""
        if self.preproc_in_bottom:
            sounds, unit = ops.not_equal(raw, 0), STRIDE * self.step
        else:
            sounds, unit = ops.any(ops.not_equal(raw, 0), axis=(2, 3)), STRIDE
        places = ops.arange(1, ops.shape(sounds)[1] + 1, dtype="int32")
        length = ops.max(ops.where(sounds, places, 0), axis=1)  # [batch]
        positions = ops.arange(ops.shape(embedded)[1], dtype="int32")
        return ops.cast(positions[None, :] * unit >= length[:, None], "float32")
