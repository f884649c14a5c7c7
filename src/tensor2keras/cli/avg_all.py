"""Averages the weights of the last n checkpoints, at every checkpoint that has n - 1 before it.

  t2t-avg-all --model_dir=~/t2t_train/numbers --output_dir=~/t2t_train/numbers_avg --n=8

The output directory decodes and evaluates like any other: its newest checkpoint is the average of the newest n.
"""

import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-avg-all"


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    return common.run(PROGRAM, __doc__, define_flags, run, argv)


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds Tensor2Tensor's flags, with its defaults."""
    here = {"flag_values": flags, "module_name": "Averaging"}
    absl_flags.DEFINE_string("model_dir", "", "Directory of the training run.", **here)
    absl_flags.DEFINE_string("output_dir", "avg/", "Directory for the averaged checkpoints.", **here)
    absl_flags.DEFINE_integer("n", 8, "How many checkpoints to average.", lower_bound=1, **here)
    absl_flags.DEFINE_integer("min_steps", 0, "Ignore checkpoints of fewer steps.", **here)
    absl_flags.DEFINE_integer("wait_minutes", 0, "Wait so long for a new checkpoint before ending.", **here)


def run(args: SimpleNamespace) -> int:
    """Averages, newest last."""
    common.require(args, "model_dir", "output_dir")
    common.load_tensorflow()
    from tensor2keras.training import averaging

    source, target = Path(args.model_dir), Path(args.output_dir)
    if source.resolve() == target.resolve():
        raise ValueError(f"--output_dir={target} must not be the model_dir: the averages would replace its checkpoints")
    last: deque[Path] = deque(maxlen=args.n)
    written = 0
    for step, path in checkpoints_as_they_come(source, args.min_steps, args.wait_minutes):
        last.append(path)
        if len(last) == args.n:
            if not written:
                averaging.copy_run(source, target)
            print(averaging.write_average(list(last), target, step), flush=True)
            written += 1
    if not written:
        raise ValueError(f"--n={args.n}, but {source} has {len(last)} checkpoints of at least {args.min_steps} steps")
    return 0


def checkpoints_as_they_come(model_dir: Path, min_steps: int, wait_minutes: float) -> Iterator[tuple[int, Path]]:
    """(step, path) of each checkpoint, oldest first, then of new ones, until none has come for `wait_minutes`."""
    from tensor2keras.training import checkpoints

    done, deadline = min_steps - 1, time.monotonic() + 60 * wait_minutes
    while True:
        for step, path in checkpoints.list_checkpoints(model_dir):
            if step > done:
                yield step, path
                done, deadline = step, time.monotonic() + 60 * wait_minutes
        if time.monotonic() >= deadline:
            return
        time.sleep(min(10.0, max(deadline - time.monotonic(), 0.0)))


if __name__ == "__main__":
    sys.exit(main())
