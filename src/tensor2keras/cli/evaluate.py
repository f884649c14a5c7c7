"""Evaluates checkpoints of a training run and prints the metrics.

Examples:
  t2t-eval --problem=translate_ende_numbers --data_dir=~/t2t_data --output_dir=~/t2t_train/numbers --eval_use_test_set
  t2t-eval --output_dir=~/t2t_train/cnndm --decode --decode_hparams="beam_size=4,num_samples=100"

With --decode the split is decoded as well and scored by what the problem goes by: BLEU, ROUGE, word error rate, ...
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-eval"


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    return common.run(PROGRAM, __doc__, define_flags, run, argv)


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the flags."""
    common.define_common_flags(flags)
    here = {"flag_values": flags, "module_name": "Evaluation"}
    absl_flags.DEFINE_string("checkpoint_path", "latest", "A checkpoint, or latest, best or all of output_dir.", **here)
    absl_flags.DEFINE_bool("eval_use_test_set", False, "Evaluate on the test split instead of validation.", **here)
    absl_flags.DEFINE_bool("decode", False, "Decode the split too, and score the outputs.", **here)
    absl_flags.DEFINE_bool(
        "confusion_matrix", False, "Of classes: print which are taken for which, and write a picture of it.", **here
    )
    absl_flags.DEFINE_string("decode_hparams", "", "As t2t-decoder's; num_samples=N decodes N examples.", **here)
    absl_flags.DEFINE_integer("eval_steps", 100, "Batches to take; 0 takes all.", **here)


def run(args: SimpleNamespace) -> int:
    """Evaluates each checkpoint and prints a table, one line a checkpoint."""
    common.require(args, "output_dir")
    common.load_tensorflow()
    from tensor2keras import registry
    from tensor2keras.cli.decoder import recorded_flags
    from tensor2keras.training import checkpoints, loading
    from tensor2keras.training.trainer import evaluate_checkpoint

    trained = loading.read_run(args.output_dir)
    common.check_same_names(args, trained)
    recorded = recorded_flags(Path(args.output_dir))
    if not args.t2t_usr_dir:
        common.import_usr_dirs(recorded.get("t2t_usr_dir"))
    name = args.problem or loading.full_problem_name(trained["hparams"]["problem"])
    problem = registry.problem(name, data_dir=args.data_dir or recorded.get("data_dir"), tmp_dir=args.tmp_dir)
    paths = [args.checkpoint_path]
    if args.checkpoint_path == "all":
        paths = [path for _, path in checkpoints.list_checkpoints(args.output_dir)] or ["latest"]
    split = "test" if args.eval_use_test_set else "validation"
    for i, path in enumerate(paths):
        values = evaluate_checkpoint(args.output_dir, problem, path, split=split, eval_steps=args.eval_steps)
        if args.decode:
            values |= decoded_scores(args, problem, path, split)
        if i == 0:
            print("  ".join(f"{name:>12}" for name in values))
        print("  ".join(f"{value:>{max(len(name), 12)}.6g}" for name, value in values.items()), flush=True)
        if args.confusion_matrix:
            show_confusion(args, problem, path, split, int(values["step"]))
    return 0


def decoded_scores(args: SimpleNamespace, problem: Any, path: str, split: str) -> dict[str, float]:
    """The scores by which the problem goes, of the outputs for its split."""
    from tensor2keras.cli import decoder
    from tensor2keras.decoding.decode_hparams import decode_hparams
    from tensor2keras.metrics import text_scores
    from tensor2keras.training import loading

    if "inputs" not in problem.get_feature_encoders():
        raise ValueError(f"--decode compares outputs with targets; {problem.name} is a language model")
    decoder.check_scorers(problem)
    model = loading.load_model(args.output_dir, path)
    outputs, known = decoder.decode_split(model, problem, split, decode_hparams(args.decode_hparams))
    figures: dict[str, float] = {}
    for name in problem.text_scores():
        figures |= text_scores.score(name, outputs, known["targets"]).figures
    return figures


def show_confusion(args: SimpleNamespace, problem: Any, path: str, split: str, step: int) -> None:
    """Prints a classifier's confusion matrix and writes it to `output_dir/eval/confusion_matrix-STEP.png`."""
    from tensor2keras.training import confusion, loading, pictures

    encoder = problem.get_feature_encoders()["targets"]
    if problem.get_hparams()["features"]["targets"]["modality"] != "class_label":
        raise ValueError(f"--confusion_matrix needs classes; the targets of {problem.name} are none")
    network = loading.load_model(args.output_dir, path)
    network.compile()
    data = problem.dataset(split, network.hparams, shuffle=False, repeat=False)
    data = data.take(args.eval_steps) if args.eval_steps > 0 else data
    counts = confusion.confusion_matrix(network, data.as_numpy_iterator(), encoder.vocab_size)
    if encoder.vocab_size <= 20:
        print(confusion.table(counts, [encoder.decode(label) for label in range(encoder.vocab_size)]))
    file = Path(args.output_dir) / "eval" / f"confusion_matrix-{step}.png"
    pictures.write_png(file, confusion.picture(counts))
    print(f"{PROGRAM}: wrote {file}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
