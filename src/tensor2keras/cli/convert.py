"""Converts a Tensor2Tensor output directory to a tensor2keras run, to decode with or to train further.

  t2t-convert --from=~/t2t_train/ende --output_dir=~/t2k_train/ende
  t2t-convert --from=~/model.ckpt-250000 --problem=translate_ende_wmt32k --vocab=vocab.ende --output_dir=~/ende --check

Problem, model and vocabulary are found in the directory (flags.txt, hparams.json, vocab.*) unless given.
"""

import functools
import sys
from pathlib import Path
from types import SimpleNamespace

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-convert"


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the command's flags."""
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
    common.require(args, "from", "output_dir")
    from tensor2keras.training import conversion

    opened = conversion.convert_run(
        getattr(args, "from"),
        args.output_dir,
        args.problem,
        vocab_file=args.vocab_file,
        data_dir=args.data_dir,
        model=args.model,
        hparams_set=args.hparams_set,
        overrides=common.overrides(args),
    )
    print(f"{opened.report}\nwritten to {Path(args.output_dir)}, step {opened.step}")
    if args.check:
        loss = conversion.example_loss(opened, args.inputs, args.targets)
        print(f"loss on {args.inputs!r} -> {args.targets!r}: {loss:.6f}")
    return 0


main = functools.partial(common.run, PROGRAM, __doc__, define_flags, run)

if __name__ == "__main__":
    sys.exit(main())
