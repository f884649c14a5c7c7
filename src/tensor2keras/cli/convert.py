"""Turns a directory that Tensor2Tensor trained in into one of tensor2keras, which decodes and trains on.

  t2t-convert --from=~/t2t_train/ende --output_dir=~/t2k_train/ende
  t2t-convert --from=~/model.ckpt-250000 --problem=translate_ende_wmt32k --vocab=vocab.ende --output_dir=~/ende --check

Problem, model and vocabulary are found in the directory (flags.txt, hparams.json, vocab.*) unless given.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-convert"


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    return common.run(PROGRAM, __doc__, define_flags, run, argv)


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the flags."""
    common.define_common_flags(flags)
    here = {"flag_values": flags, "module_name": "Conversion"}
    absl_flags.DEFINE_string("from", None, "T2T's output directory, or the prefix of one of its checkpoints.", **here)
    absl_flags.DEFINE_string("vocab_file", None, "The vocabulary, if it is not in that directory.", **here)
    absl_flags.DEFINE_alias("vocab", "vocab_file", flag_values=flags, module_name="Conversion")
    absl_flags.DEFINE_bool("check", False, "Print the loss on one pair of sentences (--inputs, --targets).", **here)
    absl_flags.DEFINE_string("inputs", "Hello world.", "The pair's input.", **here)
    absl_flags.DEFINE_string("targets", "Hallo Welt.", "The pair's target.", **here)


def run(args: SimpleNamespace) -> int:
    """Converts, prints the report and, with --check, the loss."""
    source = getattr(args, "from")
    common.require(args, "from", "output_dir")
    output_dir = Path(args.output_dir)
    if (output_dir / "hparams.json").exists():
        raise ValueError(f"--output_dir={output_dir} holds a run already; take another")
    if args.vocab_file and not (args.problem and Path(args.vocab_file).is_file()):
        raise ValueError(f"--vocab={args.vocab_file} needs --problem, and must be a file")
    common.load_tensorflow()
    from tensor2keras import convert

    with tempfile.TemporaryDirectory() as folder:
        data_dir = _with_vocabulary(args, Path(folder)) if args.vocab_file else args.data_dir
        opened = convert.open_t2t_run(
            source,
            args.problem,
            data_dir,
            model=args.model,
            hparams_set=args.hparams_set,
            overrides=common.overrides(args),
        )
        _write(opened, output_dir)
    print(f"{opened.report}\nwritten to {output_dir}, step {opened.step}")
    if args.check:
        print(f"loss on {args.inputs!r} -> {args.targets!r}: {_loss(opened, args.inputs, args.targets):.6f}")
    return 0


def _with_vocabulary(args: SimpleNamespace, folder: Path) -> str:
    """A data directory in which the given vocabulary has the name that the problem looks for."""
    from tensor2keras import registry

    for name in registry.problem(args.problem, data_dir=str(folder)).vocabulary_files():
        shutil.copyfile(args.vocab_file, folder / name)
    return str(folder)


def _write(opened: Any, output_dir: Path) -> None:
    """Writes weights, vocabulary, then what says which model they are: without that last file it is no run."""
    from tensor2keras.training import checkpoints, loading

    checkpoints.save_weights(opened.model, output_dir, opened.step)
    for name in opened.problem.vocabulary_files():
        shutil.copyfile(Path(opened.problem.data_dir_root) / name, output_dir / name)
    flags = [
        f"--problem={loading.full_problem_name(opened.model.hparams.problem)}",
        f"--data_dir={output_dir.resolve()}",
    ]
    loading.write_run(output_dir, opened.model_name, opened.model.hparams, flags=flags)


def _loss(opened: Any, inputs: str, targets: str) -> float:
    """The loss on one example, as T2T's evaluation reports it: without label smoothing."""
    import numpy as np

    encoders = opened.problem.get_feature_encoders()
    texts = {"inputs": inputs, "targets": targets}
    features = {
        name: np.array([[*encoder.encode(texts[name]), 1]], "int32") for name, encoder in encoders.items()
    }  # 1 ends a text
    model = opened.model
    logits = model(features)
    return float(model.compute_loss(features, features["targets"], logits, training=False))


if __name__ == "__main__":
    sys.exit(main())
