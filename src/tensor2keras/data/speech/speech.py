"""Speech recognition (T2T's `data_generators/speech_recognition.py`), and the user's own recordings.

A record holds a waveform, 16 bits a sample, and the transcript's ids. When a batch is made the waveforms become log-mel
features `inputs` [batch, frames, bins, channels], or stay waveforms [batch, samples] for a model that makes the
features itself (`audio_preproc_in_bottom`). In memory are the waveforms of `window` utterances, no more.

`batch_size` counts values of the features (frames times bins; samples of waveforms), padding included, as in T2T on
GPUs. A `batch_size` below `max_length`, which could not hold the longest utterance, counts utterances, as in T2T on
TPUs: transformer_librispeech's 16, for one.

Your own recordings, `speech_tmpdir`: tables in `tmp_dir`, one row a recording, columns apart by tabs:

    train.tsv, and dev.tsv (or eval, val, validation) and test.tsv if you have them; or one table of any name
    columns file and transcript, in this order, or named in a first line (path, sentence and text are understood); one
    table may have a column split (train, dev, test)

Files are wav, flac, mp3 or whatever libsndfile reads, at any sample rate; their names are relative to the table's
folder. Without a validation split every 20th training row is held out.
"""

import functools
import glob
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging

from tensor2keras import registry
from tensor2keras.data import audio, sources
from tensor2keras.data.batching import buckets
from tensor2keras.data.problem_hooks import IDS, ProblemHParams
from tensor2keras.data.splits import HOLD_OUT, SPLIT_NAMES, DatasetSplit
from tensor2keras.data.text_encoder.base import TextEncoder
from tensor2keras.data.text_problem import Text2TextProblem, VocabType
from tensor2keras.symbols import EOS_ID

CHARACTERS = 256  # T2T's vocabulary of bytes; the last two bytes do not occur in UTF-8
CTC_METRICS = ["ctc_edit_distance", "ctc_word_error_rate"]

Features = dict[str, Any]


class AudioEncoder(TextEncoder):
    """Audio files as waveforms; back, only their length is told."""

    def __init__(self):
        super().__init__(num_reserved_ids=0)

    @property
    def vocab_size(self) -> None:
        return None

    def encode(self, s: str) -> np.ndarray:
        """The waveform in the file `s`, int16 [samples]; ValueError if it cannot be read."""
        return audio.read_waveform(s)

    def prepare(self, s: str, hparams: Any) -> np.ndarray:
        """The file `s` as a model with these hyperparameters wants its `inputs`."""
        waveform = self.encode(s)
        return model_inputs(tf.RaggedTensor.from_row_lengths(waveform, [len(waveform)]), hparams)[0].numpy()

    def decode(self, ids: Any, strip_extraneous: bool = False) -> str:
        """What it is, such as "audio of 3.2 s" or "features 320x80x3"."""
        if np.ndim(ids) == 1:
            return f"audio of {len(ids) / audio.SAMPLE_RATE:.1f} s"
        return "features " + "x".join(map(str, np.shape(ids)))


def model_inputs(waveforms: tf.RaggedTensor, hparams: Any, seed: tf.Tensor | None = None) -> tf.Tensor:
    """The `inputs` of a model: features, or waveforms [batch, samples] float32 where the model makes them.

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
    """Audio in, text out. A subclass gives `generate_samples`: `{"audio": file or waveform, "targets": transcript}`.

    A waveform is [samples] or [samples, channels] at 16 kHz: 16-bit integers, or floating-point values in [-1, 1].
    `vocab_type` is CHARACTER, or SUBWORD with an `approx_vocab_size`.
    """

    vocab_type = VocabType.CHARACTER
    is_generate_per_split = True
    window = 512  # utterances that are shuffled and sorted together: about 200 MB of LibriSpeech

    # ---- generating ----

    @property
    def stored_features(self) -> dict[str, tfds.features.FeatureConnector]:
        waveform = tfds.features.Tensor(shape=(None,), dtype=np.int16, encoding=tfds.features.Encoding.BYTES)
        return {"waveforms": waveform, "targets": IDS}

    def generate_text_for_vocab(self, data_dir: str, tmp_dir: str) -> Iterator[str]:
        return self._vocabulary_text(data_dir, tmp_dir, ("targets",))

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
        """Parsed examples with `waveforms` as samples, int16 [examples, (samples)]."""
        encoded = features["waveforms"]
        samples = tf.io.decode_raw(tf.strings.reduce_join(encoded), tf.int16)
        lengths = tf.cast(tf.strings.length(encoded) // 2, tf.int64)
        return {**features, "waveforms": tf.RaggedTensor.from_row_lengths(samples, lengths)}

    def preprocess_batch(self, features: Features, split: str, hparams: Any, seed: tf.Tensor) -> Features:
        """A batch as the model sees it; noise and masks are for "train"."""
        targets, longest = features["targets"], hparams.get("max_target_seq_length", 0)
        if hparams.get("ctc_targets", False):
            targets = targets[:, :-1]  # the end is where the audio ends
        if longest:
            targets = targets[:, :longest]
        inputs = model_inputs(features["waveforms"], hparams, seed if split == DatasetSplit.TRAIN else None)
        return {"inputs": inputs, "targets": targets}

    def batching_scheme(self, hparams: Any, drop_long_sequences: bool, num_replicas: int) -> buckets.BatchingScheme:
        """How many utterances make a batch, by their number of samples; see this module's docstring.

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
            """The most samples that make so many frames."""
            return max(0, (frames - silence) * step + 1)

        drops = drop_long_sequences and limit < cut
        return buckets.BatchingScheme(
            [samples(boundary - 1) + 1 for boundary in boundaries],
            rows,
            samples(hparams.get("min_length", 0) // values - 1),
            samples(limit) if drops else buckets.LONGEST,
        )

    # ---- what models and decoders ask ----

    def model_hparams(self) -> dict[str, Any]:
        """What the features are made by, and `ctc_targets`: whether the text is written by CTC."""
        return {**audio.HPARAMS, "audio_preproc_in_bottom": False, "audio_mask_padding": False, "ctc_targets": False}

    def feature_encoders(self, data_dir: str) -> dict[str, Any]:
        encoder = self.get_or_create_vocab(data_dir, None, force_get=True)
        return {"inputs": AudioEncoder(), "waveforms": AudioEncoder(), "targets": encoder}

    def hparams(self, defaults: ProblemHParams, model_hparams: Any) -> None:
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


# ---- the user's own recordings ----

_FILE_COLUMNS = ("file", "path", "filename", "audio")
_TEXT_COLUMNS = ("transcript", "sentence", "text", "targets")


def read_table(path: str, folder: str | None = None) -> Iterator[dict[str, str]]:
    """The rows of a table of recordings: `audio`, `targets`, `split` ("" if it has no such column) and `place`.

    Args:
        path: the table.
        folder: what files' names are relative to; the table's by default.

    Raises:
        ValueError: a row with too few columns, without a transcript, or that names a file which is not there.
    """
    columns: list[str] | None = None
    for number, line in enumerate(sources.read_lines(path, strip="\r\n"), start=1):
        if not line.strip():
            continue
        cells, place = [cell.strip() for cell in line.split("\t")], f"{path}, line {number}"
        if columns is None:
            names = [cell.lower() for cell in cells]
            is_header = bool(set(names) & set(_FILE_COLUMNS)) and bool(set(names) & set(_TEXT_COLUMNS))
            columns = names if is_header else ["file", "transcript"]
            if is_header:
                continue
        if len(cells) < len(columns):
            raise ValueError(
                f"{place}: {len(cells)} columns, expected {len(columns)} ({', '.join(columns)}) between tabs"
            )
        row = dict(zip(columns, cells, strict=False))
        file, text = (next(row[name] for name in known if name in row) for known in (_FILE_COLUMNS, _TEXT_COLUMNS))
        if not text:
            raise ValueError(f"{place}: {file} has no transcript")
        found = os.path.join(folder or os.path.dirname(path), file)
        if not os.path.isfile(found):
            raise ValueError(f"{place}: no such audio file: {found}")
        yield {"audio": found, "targets": text, "split": row.get("split", ""), "place": place}


def find_tables(directory: str) -> dict[str, str]:
    """Split -> table of recordings; "" -> the one table that is for all splits.

    Raises:
        MissingDataError: no table for training, or several that could be it.
    """
    found = {}
    for split, names in SPLIT_NAMES.items():
        paths = (os.path.join(directory, f"{name}.tsv") for name in names)
        if path := next(filter(os.path.isfile, paths), None):
            found[split] = path
    others = sorted(glob.glob(os.path.join(glob.escape(directory), "*.tsv")))
    if not found and len(others) == 1:
        return {"": others[0]}
    if DatasetSplit.TRAIN not in found:
        raise sources.MissingDataError(
            f"no table of recordings in {directory}; put train.tsv there: a line a recording, file<TAB>transcript"
        )
    return found


def table_rows(directory: str) -> dict[str, list[dict[str, str]]]:
    """Split -> rows of the tables in a directory, every 20th training row held out if there is no validation split."""
    tables, rows = find_tables(directory), {}
    if "" in tables:
        split_of = {name: split for split, names in SPLIT_NAMES.items() for name in names}
        for row in read_table(tables[""]):
            name = row["split"].lower() or "train"
            if name not in split_of:
                raise ValueError(f"{row['place']}: unknown split {name!r}; known: {', '.join(split_of)}")
            rows.setdefault(split_of[name], []).append(row)
    else:
        rows = {split: list(read_table(path)) for split, path in tables.items()}
    train = rows.get(DatasetSplit.TRAIN)
    if not train:
        raise ValueError(f"{', '.join(tables.values())}: no recording for training")
    if DatasetSplit.EVAL not in rows:
        logging.warning("No recordings for validation: every %dth for training is held out.", HOLD_OUT)
        rows[DatasetSplit.EVAL] = train[1::HOLD_OUT]
        rows[DatasetSplit.TRAIN] = [row for number, row in enumerate(train) if number % HOLD_OUT != 1]
    return rows


@registry.register_problem
class SpeechTmpdir(SpeechRecognitionProblem):
    """Your own recordings and what is said in them, from train.tsv (file, transcript) in tmp_dir."""

    @functools.cached_property
    def _rows(self) -> dict[str, list[dict[str, str]]]:
        return table_rows(self.tmp_dir)

    @property
    def dataset_splits(self) -> list[dict[str, Any]]:
        shards = {DatasetSplit.TRAIN: 100, DatasetSplit.EVAL: 1, DatasetSplit.TEST: 1}
        return [{"split": split, "shards": count} for split, count in shards.items() if self._rows.get(split)]

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        yield from self._rows[dataset_split]


@registry.register_problem
class SpeechTmpdirSubwords(SpeechTmpdir):
    """Your own recordings as speech_tmpdir, transcripts in subwords.

    Args:
        approx_vocab_size: size of the vocabulary to make; None: of the one that lies in `data_dir`, or 1024.
        **kwargs: arguments of `Problem`.
    """

    vocab_type = VocabType.SUBWORD

    def __init__(self, *args: Any, approx_vocab_size: int | None = None, **kwargs: Any):
        self._approx_vocab_size = approx_vocab_size
        super().__init__(*args, **kwargs)
        self._original_state["approx_vocab_size"] = approx_vocab_size

    @property
    def approx_vocab_size(self) -> int:
        if self._approx_vocab_size is not None:
            return self._approx_vocab_size
        there = self.data_dir_root.glob(f"vocab.{self.dataset_filename()}.*.{self.vocab_type}")
        sizes = [int(size) for size in (path.name.split(".")[-2] for path in there) if size.isdigit()]
        return sizes[0] if len(sizes) == 1 else 2**10
