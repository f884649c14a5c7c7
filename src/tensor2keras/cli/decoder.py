"""Decodes with a trained model: a file, standard input, texts typed at a prompt, or a problem's own data.

Examples:
  t2t-decoder --output_dir=~/t2t_train --decode_from_file=test.en --decode_to_file=test.de
  echo "A dog runs." | t2t-decoder --output_dir=~/t2t_train --decode_from_file=- --decode_to_file=-
  t2t-decoder --output_dir=~/t2t_train --decode_interactive --decode_hparams="beam_size=8,alpha=0.6"
  t2t-decoder --output_dir=~/t2t_train --score_file=pairs.tsv --decode_to_file=scores.txt
  t2t-decoder --output_dir=~/t2t_images --decode_to_file=samples.png --decode_hparams="num_samples=16"

Problem, model, hyperparameters and data directory are read from --output_dir (hparams.json, flags.txt) unless given.
"""

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-decoder"
# fmt: off
_TEXT_FLAGS = {
    "decode_from_file": "File to decode, one text a line; - is standard input.",
    "decode_to_file": "File to write to, one output a line; - is standard output. Default: beside the input.",
    "decode_hparams":
        "T2T's, separated by commas: beam_size=4, alpha=0.6, extra_length=100, batch_size=32, return_beams=True, "
        "write_beam_scores=True, ... To sample: temperature=0.8, top_k=10, top_p=0.9.",
    "decode_reference": "File of reference outputs, one a line: prints BLEU and chrF, or the problem's own score.",
    "tokenize": common.TOKENIZE_HELP + " Default: the one for the language of the problem's targets.",
    "score_file": "File of lines INPUT<TAB>TARGET (or TARGET): writes each target's negative log-probability a token.",
}
# fmt: on


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the command's flags."""
    common.define_common_flags(flags)
    common.define_trust_flag(flags)
    text = "Checkpoint to decode with: a path, `best`, or the newest of --output_dir."
    absl_flags.DEFINE_string("checkpoint_path", None, text, flag_values=flags, module_name="Directories")
    here = {"flag_values": flags, "module_name": "Decoding"}
    for name, text in _TEXT_FLAGS.items():
        absl_flags.DEFINE_string(name, "", text, **here)
    absl_flags.DEFINE_bool("decode_interactive", False, "Prompt for texts and decode each.", **here)
    text = "Give the output file the checkpoint's modification time."
    absl_flags.DEFINE_bool("keep_timestamp", False, text, **here)
    text = "Without a file: decode the problem's test split, not its validation split."
    absl_flags.DEFINE_bool("eval_use_test_set", False, text, **here)
    absl_flags.DEFINE_integer("decode_shards", 1, "Number of files the input is split into.", **here)
    absl_flags.DEFINE_integer("random_seed", None, "Seed of sampling.", **here)


def run(args: SimpleNamespace) -> None:
    """Scores a file, prompts for texts, decodes a file, generates images or decodes a split, by the flags given."""
    from tensor2keras.decoding.decode_hparams import decode_hparams, sampling_options, without_effect

    hp = decode_hparams(args.decode_hparams, common.overrides(args))
    for line in without_effect(hp):
        print(f"{PROGRAM}: decode_hparams {line}", file=sys.stderr)
    hp.override(shards=args.decode_shards if args.decode_shards > 1 else hp.shards)
    source, to_file = _shard_name(args.decode_from_file, hp), args.decode_to_file or hp.decode_to_file
    reference = args.decode_reference or hp.decode_reference
    if args.score_file and not to_file:
        raise ValueError("--score_file needs --decode_to_file for the scores (- for standard output)")
    for path in (args.score_file, source, reference):
        if path and path != "-" and not Path(path).is_file():
            raise FileNotFoundError(f"{path}: no such file")

    from tensor2keras.training import pictures

    model, problem, weights = common.open_run(args)
    split = "test" if args.eval_use_test_set else "validation"
    if args.score_file:
        _score_file(model, problem, args.score_file, to_file, hp)
    elif args.decode_interactive:
        _decode_interactively(model, problem, hp, args.random_seed)
    elif source:
        timestamp_of = weights if args.keep_timestamp else None
        _decode_file(args, model, problem, source, _shard_name(to_file, hp), reference, hp, timestamp_of)
    elif pictures.generates_images(model):
        path = to_file or Path(args.output_dir or ".") / "samples.png"
        count = hp.num_samples if hp.num_samples > 0 else 16
        sampling = sampling_options(hp)
        written = pictures.write_samples(model, problem, split, path, count, args.random_seed, **sampling)
        for (path, number), what in zip(written.items(), ("", ", their upper halves and completions"), strict=False):
            print(f"{PROGRAM}: wrote {number} images{what} to {path}", file=sys.stderr)
    else:
        _decode_split(args, model, problem, split, to_file, hp)


def _score_file(model: Any, problem: Any, source: str, to_file: str, hp: Any) -> None:
    from tensor2keras.decoding import lines, text_files

    pairs = text_files.read_pairs(source, has_inputs="inputs" in problem.get_feature_encoders())
    _write(to_file, lines.score_lines(model, problem, pairs, hp))


def _decode_file(
    args: SimpleNamespace,
    model: Any,
    problem: Any,
    source: str,
    to_file: str,
    reference: str,
    hp: Any,
    timestamp_of: Path | None,
) -> None:
    from tensor2keras.decoding import lines, text_files
    from tensor2keras.training.evaluation import require_scorers

    if reference:
        require_scorers(problem, args.tokenize)  # before hours of decoding
    texts = text_files.read_texts(source, hp.delimiter)
    outputs = lines.decode_lines(model, problem, texts, hp, args.random_seed)
    name = text_files.output_name(source, args.model, args.hparams_set, problem.name, hp.beam_size, hp.alpha)
    _write(to_file or name, outputs, hp.delimiter, timestamp_of)
    if reference:
        references = text_files.read_texts(reference, hp.delimiter)
        _print_scores(problem, outputs, references, reference, args.tokenize)


def _decode_interactively(model: Any, problem: Any, hp: Any, seed: int | None) -> None:
    """Prompts for texts until q or the end of input."""
    from tensor2keras.decoding.decode_hparams import LOWEST
    from tensor2keras.decoding.lines import decode_lines

    if sys.stdin.isatty():
        import readline  # noqa: F401  (line editing and recall)
    has_inputs = "inputs" in problem.get_feature_encoders()
    while True:
        prompt = (
            f"num_samples={hp.num_decodes} decode_length={hp.extra_length}  "
            f"(ns=N, dl=N change them; q quits; anything else is {'decoded' if has_inputs else 'continued'})\n> "
        )
        try:
            line = input(prompt)
        except EOFError:
            print()  # after the prompt
            return
        name, _, value = line.partition("=")
        setting = {"ns": "num_decodes", "dl": "extra_length"}.get(name)
        if line == "q":
            return
        if setting and value.isdecimal():
            if int(value) < LOWEST[setting]:
                print(f"{line} must be at least {LOWEST[setting]}")
            else:
                hp.override({setting: int(value)})
            continue
        for output in decode_lines(model, problem, [line], hp, seed):
            print(output, flush=True)


def _decode_split(args: SimpleNamespace, model: Any, problem: Any, split: str, to_file: str, hp: Any) -> None:
    """Writes the outputs to `to_file` and the split's features beside it; prints the scores of one output an input."""
    from tensor2keras.decoding import lines
    from tensor2keras.training.evaluation import require_scorers

    has_inputs = "inputs" in problem.get_feature_encoders()
    if has_inputs:
        require_scorers(problem, args.tokenize)
    outputs, features = lines.decode_split(model, problem, split, hp, args.random_seed)
    _write(to_file or "-", outputs)
    if to_file and to_file != "-":
        for name, values in features.items():
            _write(f"{to_file}.{name}", values)
    if has_inputs and not hp.return_beams and hp.num_decodes == 1:
        _print_scores(problem, outputs, features["targets"], f"the {split} split", args.tokenize)


def _print_scores(
    problem: Any, outputs: Sequence[str], references: Sequence[str], place: str, tokenize: str | None
) -> None:
    """Prints the problem's scores (BLEU and chrF for translation, ROUGE for summaries, ...) on stderr.

    Raises:
        ValueError: the number of references, which come from `place`, is not that of outputs.
    """
    from tensor2keras.training.evaluation import score_outputs

    if len(references) != len(outputs):
        raise ValueError(f"{place} has {len(references)} lines, {len(outputs)} were decoded")
    score_outputs(problem, outputs, references, tokenize, report=functools.partial(print, file=sys.stderr))


def _write(path: str, lines: Sequence[str], delimiter: str = "\n", timestamp_of: Path | None = None) -> None:
    from tensor2keras.decoding import text_files

    text_files.write_lines(path, lines, delimiter, timestamp_of)
    if path != "-":
        print(f"{PROGRAM}: wrote {len(lines)} lines to {path}", file=sys.stderr)


def _shard_name(path: str, hp: Any) -> str:
    from tensor2keras.decoding import text_files

    return text_files.shard_name(path, hp.shards, hp.shard_id + hp.shards_start_offset, hp.shard_google_format)


main = functools.partial(common.run, PROGRAM, __doc__, define_flags, run)

if __name__ == "__main__":
    sys.exit(main())
