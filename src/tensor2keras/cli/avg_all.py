"""Averages the weights of the last n checkpoints, at every checkpoint with n - 1 before it.

  t2t-avg-all --model_dir=~/t2t_train/numbers --output_dir=~/t2t_train/numbers_avg --n=8

The output directory decodes and evaluates like any other: its newest checkpoint is the average of the newest n.
"""

import functools
import sys
from types import SimpleNamespace

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-avg-all"


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds Tensor2Tensor's flags, with its defaults."""
    here = {"flag_values": flags, "module_name": "Averaging"}
    absl_flags.DEFINE_string("model_dir", "", "Directory of the training run.", **here)
    absl_flags.DEFINE_string("output_dir", "avg/", "Directory for the averaged checkpoints.", **here)
    absl_flags.DEFINE_integer("n", 8, "How many checkpoints to average.", lower_bound=1, **here)
    absl_flags.DEFINE_integer("min_steps", 0, "Ignore checkpoints of fewer steps.", **here)
    absl_flags.DEFINE_integer("wait_minutes", 0, "Wait up to this long for another checkpoint.", **here)


def run(args: SimpleNamespace) -> int:
    """Averages, newest last, and prints the files written."""
    common.require(args, "model_dir", "output_dir")
    from tensor2keras.training import averaging

    for path in averaging.average_run(args.model_dir, args.output_dir, args.n, args.min_steps, args.wait_minutes):
        print(path, flush=True)
    return 0


main = functools.partial(common.run, PROGRAM, __doc__, define_flags, run)

if __name__ == "__main__":
    sys.exit(main())
