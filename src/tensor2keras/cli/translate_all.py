"""Translates a file with every checkpoint of a training run, for `t2t-bleu` to score.

Example:
  t2t-translate-all --model_dir=~/t2t_train --source=dev.en --translations_dir=translations
  t2t-bleu --translations_dir=translations --reference=dev.de

Writes <translations_dir>/<problem>-<step> for each checkpoint, with the checkpoint's time; existing files are kept.
"""

import functools
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-translate-all"


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the command's flags."""
    here = {"flag_values": flags, "module_name": "Translating"}
    common.define_common_flags(flags)
    common.define_trust_flag(flags)
    text = "Command to run for each checkpoint instead of decoding here; {params} becomes t2t-decoder's flags."
    absl_flags.DEFINE_string("decoder_command", "", text, **here)
    absl_flags.DEFINE_string("model_dir", "", "Directory of the training run (or --output_dir).", **here)
    absl_flags.DEFINE_string("source", None, "File to translate, one text a line.", **here)
    absl_flags.DEFINE_string("translations_dir", "translations", "Directory of the translated files.", **here)
    absl_flags.DEFINE_integer("min_steps", 0, "Ignore checkpoints of fewer steps.", **here)
    absl_flags.DEFINE_integer("wait_minutes", 0, "Wait up to this long for another checkpoint.", **here)
    absl_flags.DEFINE_integer("beam_size", None, "Width of the beam search; 4 by default.", **here)
    absl_flags.DEFINE_float("alpha", None, "Length penalty of the beam search; 0.6 by default.", **here)
    absl_flags.DEFINE_string("decode_hparams", "", "Further decoding hyperparameters, as t2t-decoder's.", **here)


def run(args: SimpleNamespace) -> None:
    """Translates the source with every checkpoint."""
    args.output_dir = args.model_dir or args.output_dir
    args.checkpoint_path = None
    common.require(args, "output_dir", "source")
    if not Path(args.source).is_file():
        raise FileNotFoundError(f"--source={args.source}: no such file")

    from tensor2keras.decoding.decode_hparams import decode_hparams
    from tensor2keras.decoding.lines import decode_lines
    from tensor2keras.decoding.text_files import read_texts, write_lines
    from tensor2keras.training import checkpoints, loading

    name = args.problem or loading.trained_on(args.output_dir)
    folder = Path(args.translations_dir)
    folder.mkdir(parents=True, exist_ok=True)
    flags_file, copy = Path(args.output_dir, "flags.txt"), folder / f"{name}-flags.txt"
    if flags_file.is_file() and not copy.exists():
        shutil.copy2(flags_file, copy)  # with its time, from which t2t-bleu counts hours
    given = [f"{name}={value}" for name in ("beam_size", "alpha") if (value := getattr(args, name)) is not None]
    hp = decode_hparams(",".join([*given, args.decode_hparams]), common.overrides(args))
    search = f"beam_size={hp.beam_size}" + (f",alpha={hp.alpha}" if hp.beam_size > 1 else "")
    settings = ",".join(filter(None, [search, args.decode_hparams]))

    opened = step = None
    for step, checkpoint in checkpoints.watch(args.output_dir, args.min_steps, args.wait_minutes):
        target = folder / f"{name}-{step}"
        if target.exists():
            print(f"{PROGRAM}: {target} exists already", file=sys.stderr)
            continue
        if not checkpoint.exists():  # training has removed it in the meantime
            continue
        print(f"{PROGRAM}: translating with step {step}", file=sys.stderr)
        args.checkpoint_path = str(checkpoint)
        if args.decoder_command:
            _run_command(args, settings, target)
            continue
        opened = opened or common.open_run(args)
        loading.load_weights(opened.model, checkpoint)  # into the same model, whose compiled search is kept
        outputs = decode_lines(opened.model, opened.problem, read_texts(args.source, hp.delimiter), hp)
        write_lines(target, outputs, hp.delimiter, timestamp_of=checkpoint)
        print(f"{PROGRAM}: wrote {len(outputs)} lines to {target}", file=sys.stderr)
    if step is None:
        raise FileNotFoundError(f"no checkpoint of {args.min_steps} steps or more in {args.output_dir}")


def _run_command(args: SimpleNamespace, settings: str, target: Path) -> None:
    """Runs `--decoder_command` for one checkpoint; raises ValueError if it fails."""
    passed = ("t2t_usr_dir", "output_dir", "data_dir", "problem", "checkpoint_path")
    params = [f"--{name}={value}" for name in passed if (value := getattr(args, name))]
    if args.trust_usr_dir is not None:
        params.append("--trust_usr_dir" if args.trust_usr_dir else "--notrust_usr_dir")
    params += [
        f"--decode_hparams={settings}",
        f"--decode_from_file={args.source}",
        f"--decode_to_file={target}",
        "--keep_timestamp",
    ]
    command = args.decoder_command.replace("{params}", shlex.join(params))
    if subprocess.run(command, shell=True, check=False).returncode:
        raise ValueError(f"failed: {command}")


main = functools.partial(common.run, PROGRAM, __doc__, define_flags, run)

if __name__ == "__main__":
    sys.exit(main())
