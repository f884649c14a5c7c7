"""Translates a file with every checkpoint of a training run, for `t2t-bleu` to score.

Example:
  t2t-translate-all --model_dir=~/t2t_train --source=dev.en --translations_dir=translations
  t2t-bleu --translations_dir=translations --reference=dev.de

Writes <translations_dir>/<problem>-<step> for each checkpoint, with the checkpoint's time; files that exist are left
alone.
"""

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

from absl import flags as absl_flags

from tensor2keras.cli import common, decoder

PROGRAM = "t2t-translate-all"
POLL_SECONDS = 10


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    return common.run(PROGRAM, __doc__, define_flags, run, argv)


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the command's flags."""
    here = {"flag_values": flags, "module_name": "Translating"}
    common.define_common_flags(flags)
    text = "Command to run for each checkpoint instead of decoding here; {params} stands for t2t-decoder's flags."
    absl_flags.DEFINE_string("decoder_command", "", text, **here)
    absl_flags.DEFINE_string("model_dir", "", "Directory of the training run (or --output_dir).", **here)
    absl_flags.DEFINE_string("source", None, "File to translate, one text a line.", **here)
    absl_flags.DEFINE_string("translations_dir", "translations", "Directory of the translated files.", **here)
    absl_flags.DEFINE_integer("min_steps", 0, "Ignore checkpoints of fewer steps.", **here)
    absl_flags.DEFINE_integer("wait_minutes", 0, "Wait up to this long for another checkpoint.", **here)
    absl_flags.DEFINE_integer("beam_size", 4, "Width of the beam search.", **here)
    absl_flags.DEFINE_float("alpha", 0.6, "Length penalty of the beam search.", **here)
    absl_flags.DEFINE_string("decode_hparams", "", "Further decoding hyperparameters, as t2t-decoder's.", **here)


def run(args: SimpleNamespace) -> None:
    """Translates with every checkpoint."""
    args.output_dir = args.model_dir or args.output_dir
    args.checkpoint_path = None
    common.require(args, "output_dir", "source")
    if not Path(args.source).is_file():
        raise FileNotFoundError(f"--source={args.source}: no such file")

    common.load_tensorflow()
    from tensor2keras.decoding.decode_hparams import decode_hparams
    from tensor2keras.training.loading import full_problem_name, load_weights, read_run

    name = args.problem or full_problem_name(read_run(args.output_dir)["hparams"]["problem"])
    folder = Path(args.translations_dir)
    folder.mkdir(parents=True, exist_ok=True)
    flags_file, copy = Path(args.output_dir, "flags.txt"), folder / f"{name}-flags.txt"
    if flags_file.is_file() and not copy.exists():
        shutil.copy2(flags_file, copy)  # with its time: t2t-bleu counts hours from it
    settings = f"beam_size={args.beam_size},alpha={args.alpha}," + args.decode_hparams
    hp = decode_hparams(settings)

    loaded = None
    for step, checkpoint in new_checkpoints(args.output_dir, args.min_steps, args.wait_minutes):
        target = folder / f"{name}-{step}"
        if target.exists():
            print(f"{PROGRAM}: {target} exists already", file=sys.stderr)
            continue
        print(f"{PROGRAM}: translating with step {step}", file=sys.stderr)
        args.checkpoint_path = str(checkpoint)
        if args.decoder_command:
            run_command(args, settings, target)
            continue
        if loaded is None:
            loaded = decoder.load(args)
        model, problem = loaded
        load_weights(model, args.checkpoint_path)  # the compiled search is kept
        outputs = decoder.decode_lines(model, problem, decoder.read_texts(args.source, hp.delimiter), hp)
        decoder.write_lines(str(target), outputs, hp.delimiter)
        decoder.keep_timestamp(str(target), args)


def new_checkpoints(output_dir: str, min_steps: int, wait_minutes: float) -> Iterator[tuple[int, Path]]:
    """(step, weights file) of each checkpoint, oldest first; ends when none has appeared for `wait_minutes`."""
    from tensor2keras.training.checkpoints import list_checkpoints

    seen: set[int] = set()
    deadline = time.monotonic() + 60 * wait_minutes
    while True:
        found = [(step, path) for step, path in list_checkpoints(output_dir) if step >= min_steps and step not in seen]
        for step, path in found:
            seen.add(step)
            if path.exists():  # training may have removed it meanwhile
                yield step, path
        if found:
            deadline = time.monotonic() + 60 * wait_minutes
        elif time.monotonic() >= deadline:
            break
        else:
            time.sleep(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))
    if not seen:
        raise FileNotFoundError(f"no checkpoint of {min_steps} steps or more in {output_dir}")


def run_command(args: SimpleNamespace, settings: str, target: Path) -> None:
    """Runs `--decoder_command` for one checkpoint.

    Raises:
        ValueError: it failed.
    """
    passed = ("t2t_usr_dir", "output_dir", "data_dir", "problem", "checkpoint_path")
    params = [f"--{name}={value}" for name in passed if (value := getattr(args, name))]
    params += [
        f"--decode_hparams={settings}",
        f"--decode_from_file={args.source}",
        f"--decode_to_file={target}",
        "--keep_timestamp",
    ]
    command = args.decoder_command.replace("{params}", shlex.join(params))
    if subprocess.run(command, shell=True, check=False).returncode:
        raise ValueError(f"failed: {command}")


if __name__ == "__main__":
    sys.exit(main())
