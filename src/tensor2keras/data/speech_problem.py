"""Speech recognition (T2T's `data_generators/speech_recognition.py`): waveforms in, text out.

A record holds a waveform, 16 bits a sample, and the transcript's ids. When a batch is built, the waveforms become
log-mel features `inputs` [batch, frames, bins, channels], or stay waveforms [batch, samples] for a model that computes
the features itself (`audio_preproc_in_bottom`). Memory holds the waveforms of at most `window` utterances.

`batch_size` counts values of the features (frames times bins; samples of waveforms), padding included, as in T2T on
GPUs. A `batch_size` below `max_length`, which could not hold the longest utterance, counts utterances, as in T2T on
TPUs (transformer_librispeech has 16).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tensor2keras.data import audio
from tensor2keras.data.batching import buckets
from tensor2keras.data.preprocessing import Features
from tensor2keras.data.problem_hooks import IDS, ProblemHParams
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_encoder.base import TextEncoder
from tensor2keras.data.text_problem import Text2TextProblem, VocabType
from tensor2keras.hparams import HParams
from tensor2keras.symbols import EOS_ID

CHARACTERS = 256  # T2T's vocabulary of bytes; the last two bytes do not occur in UTF-8
CTC_METRICS = ["ctc_edit_distance", "ctc_word_error_rate"]


class AudioEncoder(TextEncoder):
    """Encoder of audio files as waveforms; decoding gives a description of their length."""

    vocab_size = None

    def __init__(self):
        super().__init__(num_reserved_ids=0)

    def encode(self, s: str) -> np.ndarray:
        """Returns the waveform in the file `s`, int16 [samples]; ValueError if it cannot be read."""
        return audio.read_waveform(s)

    def prepare(self, s: str, hparams: HParams) -> np.ndarray:
        """Returns the file `s` as the `inputs` of a model with these hyperparameters."""
        waveform = self.encode(s)
        return model_inputs(tf.RaggedTensor.from_row_lengths(waveform, [len(waveform)]), hparams)[0].numpy()

    def decode(self, ids: Any, strip_extraneous: bool = False) -> str:
        """Returns a description such as "audio of 3.2 s" or "features 320x80x3"."""
        if np.ndim(ids) == 1:
            return f"audio of {len(ids) / audio.SAMPLE_RATE:.1f} s"
        return "features " + "x".join(map(str, np.shape(ids)))


def model_inputs(waveforms: tf.RaggedTensor, hparams: HParams, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Returns the `inputs` of a model: features, or waveforms [batch, samples] float32 if the model computes features.

    Args:
        waveforms: int16 [batch, (samples)].
        hparams: the model's hyperparameters.
        seed: of noise and masks, in training; None otherwise.
    """
    if hparams.get("audio_preproc_in_bottom", False):
        return tf.cast(waveforms.to_tensor(), tf.float32) / audio.LARGEST
    features = audio.log_mel_features(waveforms, hparams, seed)
    longest = hparams.get("max_input_seq_length", 0)
    return features[:, :longest] if longest else features


class SpeechRecognitionProblem(Text2TextProblem):
    """Base class of speech recognition problems.

    A subclass defines `generate_samples`, which yields `{"audio": file or waveform, "targets": transcript}`.
    A waveform is [samples] or [samples, channels] at 16 kHz: 16-bit integers, or floating-point values in [-1, 1].
    `vocab_type` is CHARACTER, or SUBWORD with an `approx_vocab_size`.
    """

    vocab_type = VocabType.CHARACTER
    vocabulary_features = ("targets",)
    is_generate_per_split = True
    window = 512  # utterances that are shuffled and sorted together: about 200 MB of LibriSpeech

    # ---- generating ----

    @property
    def stored_features(self) -> dict[str, tfds.features.FeatureConnector]:
        waveform = tfds.features.Tensor(shape=(None,), dtype=np.int16, encoding=tfds.features.Encoding.BYTES)
        return {"waveforms": waveform, "targets": IDS}

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        encoder = self.get_or_create_vocab(data_dir, tmp_dir)
        for number, sample in enumerate(self.generate_samples(data_dir, tmp_dir, dataset_split)):
            waveform = sample["audio"]
            if isinstance(waveform, np.ndarray):
                place = f"problem {self.name}: sample {number} of {dataset_split}"
                waveform = audio.as_waveform(waveform, audio.SAMPLE_RATE, place)
            else:
                waveform = audio.read_waveform(waveform)
            yield {"waveforms": waveform, "targets": [*encoder.encode(sample["targets"]), EOS_ID]}

    # ---- reading ----

    def example_spec(self) -> dict[str, Any]:
        targets = tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)
        return {"waveforms": tf.io.FixedLenFeature((), tf.string), "targets": targets}

    def decode_window(self, features: Features) -> Features:
        """Returns parsed examples with `waveforms` as samples, int16 [examples, (samples)]."""
        encoded = features["waveforms"]
        samples = tf.io.decode_raw(tf.strings.reduce_join(encoded), tf.int16)
        lengths = tf.cast(tf.strings.length(encoded) // 2, tf.int64)
        return {**features, "waveforms": tf.RaggedTensor.from_row_lengths(samples, lengths)}

    def preprocess_batch(self, features: Features, split: str, hparams: HParams, seed: tf.Tensor) -> Features:
        """Returns a batch as the model gets it; the split "train" adds noise and masks."""
        targets, longest = features["targets"], hparams.get("max_target_seq_length", 0)
        if hparams.get("ctc_targets", False):
            targets = targets[:, :-1]  # CTC needs no EOS: the text ends with the audio
        if longest:
            targets = targets[:, :longest]
        inputs = model_inputs(features["waveforms"], hparams, seed if split == DatasetSplit.TRAIN else None)
        return {"inputs": inputs, "targets": targets}

    def batching_scheme(self, hparams: HParams, drop_long_sequences: bool, num_replicas: int) -> buckets.BatchingScheme:
        """Returns the utterances of a batch by their number of samples; see this module's docstring.

        T2T cuts utterances at `max_input_seq_length` frames before it drops those above `max_length`.
        """
        in_bottom = hparams.get("audio_preproc_in_bottom", False)
        values = 1 if in_bottom else audio.setting(hparams, "audio_num_mel_bins")  # in a frame
        batch_size, max_length = hparams["batch_size"], hparams.get("max_length", 0) or hparams["batch_size"]
        limit, cut = max_length // values, hparams.get("max_input_seq_length", 0) or buckets.LONGEST
        longest = min(limit, cut)  # frames
        first, growth = hparams.get("min_length_bucket", 8), hparams.get("length_bucket_step", 1.1)
        if hparams.get("use_fixed_batch_size", False) or batch_size < max_length:
            boundaries = buckets.bucket_boundaries(longest, first, growth)
            rows = [batch_size * num_replicas] * (len(boundaries) + 1)
        else:
            frames = {"batch_size": batch_size // values, "min_length_bucket": first, "length_bucket_step": growth}
            by_frames = buckets.hparams_to_batching_scheme(frames, max_length=longest, num_replicas=num_replicas)
            boundaries, rows = by_frames.boundaries, by_frames.batch_sizes

        silence = 0 if in_bottom else audio.setting(hparams, "num_zeropad_frames")
        step = 1 if in_bottom else audio.samples_a_frame(hparams)

        def samples(frames: int) -> int:
            """Returns the largest number of samples that give so many frames."""
            return max(0, (frames - silence) * step + 1)

        drops = drop_long_sequences and limit < cut
        return buckets.BatchingScheme(
            [samples(boundary - 1) + 1 for boundary in boundaries],
            rows,
            samples(hparams.get("min_length", 0) // values - 1),
            samples(limit) if drops else buckets.LONGEST,
        )

    # ---- models and decoders ----

    def model_hparams(self) -> dict[str, Any]:
        """Returns the hyperparameters of the features, and `ctc_targets`: whether targets are for the CTC loss."""
        return {**audio.HPARAMS, "audio_preproc_in_bottom": False, "audio_mask_padding": False, "ctc_targets": False}

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        encoder = self.get_or_create_vocab(data_dir, None, force_get=True)
        return {"inputs": AudioEncoder(), "waveforms": AudioEncoder(), "targets": encoder}

    def hparams(self, defaults: ProblemHParams, model_hparams: HParams | None) -> None:
        model_hparams = model_hparams or {}
        ctc = model_hparams.get("ctc_targets", False)
        masks = ("specaugment_frequency_masks", "specaugment_time_masks")
        if model_hparams.get("audio_preproc_in_bottom", False) and any(model_hparams.get(name, 0) for name in masks):
            raise ValueError(f"{' and '.join(masks)} need audio_preproc_in_bottom=False: only the input pipeline masks")
        if model_hparams.get("audio_sample_rate", audio.SAMPLE_RATE) != audio.SAMPLE_RATE:
            raise ValueError(f"audio_sample_rate must be {audio.SAMPLE_RATE}: waveforms are stored at that rate")
        defaults.modality = {"inputs": "speech_recognition", "targets": "ctc_symbol" if ctc else "symbol"}
        characters = self.vocab_type == VocabType.CHARACTER
        defaults.vocab_size = {"targets": CHARACTERS if characters else self._encoders["targets"].vocab_size}
        if ctc:
            defaults.add_hparam("eval_metrics", CTC_METRICS[: 2 if characters else 1])

    def eval_metrics(self) -> list[str]:
        metrics = ["accuracy", "accuracy_top5", "accuracy_per_sequence", "neg_log_perplexity", "edit_distance"]
        return [*metrics, "word_error_rate"] if self.vocab_type == VocabType.CHARACTER else metrics

    def text_scores(self) -> list[str]:
        return ["wer"]
