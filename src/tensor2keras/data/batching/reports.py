"""Reports on the batches of a problem: padding, and examples that are cut or left out."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tensor2keras.data.batching.windows import read_windows
from tensor2keras.data.preprocessing import LIMITS, prepend_inputs, truncate


class PaddingReport(NamedTuple):
    """Padding and shapes of a number of batches.

    Attributes:
        batches: number of batches.
        rows: their rows.
        positions: their token positions; 0 for images and audio.
        non_padding: the share of the positions that is not padding.
        shapes: number of distinct shapes.
    """

    batches: int
    rows: int
    positions: int
    non_padding: float
    shapes: int

    def __str__(self) -> str:
        rows, positions = self.rows / self.batches, self.positions / self.batches
        parts = [f"{rows:.1f} rows"]
        if self.positions:  # not images and sounds
            parts = [f"{rows:.1f} rows and {positions:.0f} token positions", f"{self.non_padding:.1%} non-padding"]
        shapes = f"{self.shapes} shape{'s' * (self.shapes > 1)}"
        return f"{', '.join(parts)} in a mean batch; {shapes} (measured on the first {self.batches})"


def padding_report(dataset: tf.data.Dataset, batches: int = 100) -> PaddingReport:
    """Counts padding in the first `batches` batches of `make_dataset`: zeros in integer features [batch, length]."""
    count = rows = positions = real = 0
    shapes = set()
    for features, targets, _ in dataset.take(batches):
        sequences = {
            name: x
            for name, x in features.items()
            if x.dtype.is_integer and len(x.shape) == 2 and not name.endswith(("_segmentation", "_position"))
        }
        count += 1
        rows += targets.shape[0]
        positions += sum(int(tf.size(x)) for x in sequences.values())
        real += sum(int(tf.math.count_nonzero(x)) for x in sequences.values())
        shapes.add(tuple((name, tuple(x.shape)) for name, x in sorted(features.items())))
    return PaddingReport(count, rows, positions, real / positions if positions else 1.0, len(shapes))


def length_report(problem: Any, split: str, hparams: Mapping[str, Any], examples: int = 2000) -> str:
    """Returns a line with the number of a split's first examples that are cut or, in training, left out; "" if none.

    Covers text with `inputs` and `targets`, or targets alone, of problems without a `preprocess_example` of their own.
    """
    spec = problem.example_spec()
    ragged = {name for name, feature in spec.items() if isinstance(feature, tf.io.RaggedFeature | tf.io.VarLenFeature)}
    own = problem.overrides_preprocess_example
    if own or "targets" not in ragged or not ragged <= {"inputs", "targets"} or hparams.get("split_to_length"):
        return ""
    stored = next(iter(read_windows(problem.shard_files(split), spec, None, examples)))
    window = problem.maybe_reverse_and_copy(stored)
    found = []
    for name in sorted(ragged):
        limit = hparams.get(LIMITS[name], 0)
        too_long = (window[name].row_lengths() > limit).numpy().sum() if limit else 0
        if too_long:
            found.append(f"{too_long} {name} cut at {limit} tokens")
    window = truncate(problem.maybe_reverse_and_copy(prepend_inputs(stored, hparams)), hparams)
    longest = functools.reduce(np.maximum, (window[name].row_lengths().numpy() for name in ragged))
    limit = problem.packed_row_length(hparams) or problem.max_length(hparams)
    if limit and split == "train" and (left_out := (longest > limit).sum()):
        found.append(f"{left_out} left out, longer than {limit}")
    return f"of the first {len(longest)} examples: {', '.join(found)}" if found else ""
