"""Decodes with a trained model: a file, standard input, line after line as you type, or a problem's own data.

Examples:
  t2t-decoder --output_dir=~/t2t_train --decode_from_file=test.en --decode_to_file=test.de
  echo "A dog runs." | t2t-decoder --output_dir=~/t2t_train --decode_from_file=- --decode_to_file=-
  t2t-decoder --output_dir=~/t2t_train --decode_interactive --decode_hparams="beam_size=8,alpha=0.6"
  t2t-decoder --output_dir=~/t2t_train --score_file=pairs.tsv --decode_to_file=scores.txt
  t2t-decoder --output_dir=~/t2t_images --decode_to_file=samples.png --decode_hparams="num_samples=16"

Problem, model, hyperparameters and data directory are read from --output_dir (hparams.json, flags.txt) unless given.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from absl import flags as absl_flags

from tensor2keras import files
from tensor2keras.cli import common

PROGRAM = "t2t-decoder"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    return common.run(PROGRAM, __doc__, define_flags, run, argv)


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the command's flags."""
    common.define_common_flags(flags)
    define_model_flags(flags)
    heading = "Decoding"
    for name, text in (
        ("decode_from_file", "File to decode, one text a line; - is standard input."),
        ("decode_to_file", "File to write to, one output a line; - is standard output. Default: beside the input."),
        (
            "decode_hparams",
            "T2T's: beam_size=4,alpha=0.6,extra_length=100,batch_size=32,return_beams=True,write_beam_scores=True,...",
        ),
        ("decode_reference", "File of reference outputs, one a line: prints BLEU, or what the problem goes by."),
        (
            "score_file",
            "File of lines INPUT<TAB>TARGET (or TARGET): writes minus the log-probability a token of each target.",
        ),
    ):
        absl_flags.DEFINE_string(name, "", text, flag_values=flags, module_name=heading)
    for name, text in (
        ("decode_interactive", "Prompt for texts and decode each."),
        ("keep_timestamp", "Give the output file the checkpoint's modification time."),
        ("eval_use_test_set", "Without a file: decode the problem's test split, not its validation split."),
    ):
        absl_flags.DEFINE_bool(name, False, text, flag_values=flags, module_name=heading)
    absl_flags.DEFINE_integer(
        "decode_shards", 1, "Number of files the input is split into.", flag_values=flags, module_name=heading
    )
    absl_flags.DEFINE_integer("random_seed", None, "Seed of sampling.", flag_values=flags, module_name=heading)


def define_model_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the flags that choose the weights."""
    text = "Checkpoint to decode with: a path, `best`, or the newest of --output_dir."
    absl_flags.DEFINE_string("checkpoint_path", None, text, flag_values=flags, module_name="Where")


def run(args: SimpleNamespace) -> None:
    """Decodes what the flags say."""
    from tensor2keras.decoding.decode_hparams import decode_hparams, without_effect

    hp = decode_hparams(args.decode_hparams)
    for line in without_effect(hp):
        print(f"{PROGRAM}: decode_hparams {line}", file=sys.stderr)
    hp.override(shards=args.decode_shards if args.decode_shards > 1 else hp.shards)
    to_file, reference = args.decode_to_file or hp.decode_to_file, args.decode_reference or hp.decode_reference
    if args.score_file and not to_file:
        raise ValueError("--score_file needs --decode_to_file for the scores (- for standard output)")
    for path in (args.score_file, shard_name(args.decode_from_file, hp), reference):
        if path and path != "-" and not Path(path).is_file():
            raise FileNotFoundError(f"{path}: no such file")

    common.load_tensorflow()
    model, problem = load(args)
    if reference:
        check_scorers(problem)  # before hours of decoding
    if args.score_file:
        write_lines(to_file, [f"{loss:.6f}" for loss in score(model, problem, args.score_file, hp)])
    elif args.decode_interactive:
        decode_interactively(model, problem, hp, args.random_seed)
    elif args.decode_from_file:
        source = shard_name(args.decode_from_file, hp)
        outputs = decode_lines(model, problem, read_texts(source, hp.delimiter), hp, args.random_seed)
        to_file = shard_name(to_file, hp) or default_output(args, source, problem, hp)
        write_lines(to_file, outputs, hp.delimiter)
        if args.keep_timestamp and to_file != "-":
            keep_timestamp(to_file, args)
        if reference:
            print_scores(problem, outputs, read_texts(reference, hp.delimiter), reference)
    elif hasattr(model, "image_shape"):
        draw_pictures(model, problem, "test" if args.eval_use_test_set else "validation", to_file, hp, args)
    else:
        decode_dataset(
            model, problem, "test" if args.eval_use_test_set else "validation", to_file, hp, args.random_seed
        )


# The model


def load(args: SimpleNamespace) -> tuple[Any, Any]:
    """The model with its weights, and the problem with its encoders.

    Raises:
        ValueError: neither a run's directory nor model, hparams_set and problem.
    """
    from tensor2keras import convert, registry
    from tensor2keras.training.loading import full_problem_name, load_model, load_weights, read_run

    if converted := t2t_run(args):
        opened = convert.open_t2t_run(
            converted, args.problem, args.data_dir, model=args.model, overrides=common.overrides(args)
        )
        return opened.model, opened.problem
    run_dir = run_directory(args)
    recorded = recorded_flags(run_dir)
    if not args.t2t_usr_dir:
        common.import_usr_dirs(recorded.get("t2t_usr_dir"))
    places = {"data_dir": args.data_dir or recorded.get("data_dir"), "tmp_dir": recorded.get("tmp_dir") or args.tmp_dir}
    if run_dir is None:
        common.require(args, "model", "hparams_set", "problem", "checkpoint_path")
        problem = registry.problem(args.problem, **places)
        hparams = registry.hparams(args.hparams_set, problem=problem, overrides=common.overrides(args))
        model = registry.model(args.model, hparams)
        model.build()
        load_weights(model, args.checkpoint_path)
        return model, problem

    recorded_run = read_run(run_dir)
    common.check_same_names(args, recorded_run)
    known = recorded_run["hparams"].get("problem")
    trained_on = full_problem_name(known) if known else None
    name = args.problem or trained_on
    if not name:
        raise ValueError(f"{run_dir} does not say its problem; give --problem")
    problem = registry.problem(name, **places)
    replacement = problem if name != trained_on else None
    return load_model(run_dir, args.checkpoint_path, common.overrides(args), replacement), problem


def run_directory(args: SimpleNamespace) -> Path | None:
    """The directory of the training run (with hparams.json): --output_dir or the checkpoint's, or None."""
    candidates = [Path(args.output_dir)] if args.output_dir else []
    if args.checkpoint_path and args.checkpoint_path not in ("best", "latest"):
        candidates += list(Path(args.checkpoint_path).parents)[:2]
    for folder in candidates:
        if (folder / "hparams.json").is_file():
            return folder
    if not args.checkpoint_path:
        common.require(args, "output_dir")
        raise FileNotFoundError(f"{args.output_dir} has no hparams.json: it is not the --output_dir of a training run")
    return None


def t2t_run(args: SimpleNamespace) -> str | None:
    """The Tensor2Tensor directory or checkpoint that the flags name (beside it lies T2T's hparams.json), or None."""
    from tensor2keras.convert import is_t2t_run

    path = args.checkpoint_path if args.checkpoint_path not in (None, "", "best", "latest") else args.output_dir
    if not path or not is_t2t_run(path):
        return None
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    return path if (folder / "hparams.json").is_file() else None


def recorded_flags(run_dir: Path | None) -> dict[str, str]:
    """The flags in a run's flags.txt by name."""
    path = run_dir / "flags.txt" if run_dir else None
    if path is None or not path.is_file():
        return {}
    pairs = (line.strip().lstrip("-").partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name.replace("-", "_"): value for name, _, value in pairs}


# From file to file


def decode_lines(model: Any, problem: Any, texts: list[str], hp: Any, seed: int | None = None) -> list[str]:
    """One output line a text, as `hp` says: the best output, beams and scores apart by tabs, or ids."""
    from tensor2keras.decoding import text

    encoders = problem.get_feature_encoders()
    repeated = [line for line in texts for _ in range(hp.num_decodes)]
    decoded = text.decode_ids(
        model,
        text.encode(encoders, repeated, hp.max_input_size, model.hparams),
        "inputs" if "inputs" in encoders else "targets",
        decode_length=hp.extra_length,
        batch_size=hp.batch_size or 32,
        progress=True,
        seed=seed,
        beam_size=hp.beam_size,
        alpha=hp.alpha,
        top_beams=hp.beam_size if hp.return_beams else 1,
    )
    return [_line(encoders["targets"], result, hp) for result in decoded]


def _line(encoder: Any, decoded: Any, hp: Any) -> str:
    from tensor2keras.decoding.text import to_text

    if decoded is None:
        return ""
    beams = []
    for ids, score in zip(decoded.ids, decoded.scores, strict=True):
        output = " ".join(map(str, ids.reshape(-1))) if hp.identity_output else to_text(encoder, ids)
        beams.append(" ".join(output.split("\n")))
        if hp.return_beams and hp.write_beam_scores:
            beams.append(f"{score:.2f}")
    return "\t".join(beams)


def read_texts(path: str, delimiter: str = "\n") -> list[str]:
    """The texts of a file or, for -, of standard input; the end of the last line begins no further text.

    Raises:
        ValueError: bytes that are not UTF-8, with their line.
    """
    data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: not UTF-8 ({error.reason})") from None
    texts = content.split(delimiter)
    return texts[:-1] if not texts[-1] else texts


def write_lines(path: str, lines: Sequence[str], delimiter: str = "\n") -> None:
    """Writes the lines to a file, whole or not at all, or to standard output (-)."""
    content = "".join(f"{line}{delimiter}" for line in lines)
    if path == "-":
        sys.stdout.write(content)
        sys.stdout.flush()
        return
    files.write_text(path, content)
    print(f"{PROGRAM}: wrote {len(lines)} lines to {path}", file=sys.stderr)


def default_output(args: SimpleNamespace, source: str, problem: Any, hp: Any) -> str:
    """T2T's name for the output: the input's with model, set, problem, beam and alpha; - for standard input."""
    if source == "-":
        return "-"
    parts = [source, args.model, args.hparams_set, problem.name, f"beam{hp.beam_size}", f"alpha{hp.alpha}", "decodes"]
    return ".".join(part for part in parts if part)


def shard_name(path: str, hp: Any) -> str:
    """The file's name with the shard's number, if the input is split."""
    if not path or path == "-" or hp.shards <= 1:
        return path
    shard = hp.shard_id + hp.shards_start_offset
    return f"{path}-{shard:05d}-of-{hp.shards:05d}" if hp.shard_google_format else f"{path}{shard:03d}"


def keep_timestamp(path: str, args: SimpleNamespace) -> None:
    """Gives `path` the modification time of the checkpoint it was made with."""
    from tensor2keras.convert import sources
    from tensor2keras.training.loading import checkpoint_file

    if converted := t2t_run(args):
        checkpoint = Path(f"{sources.resolve(converted)}.index")
    else:
        checkpoint = checkpoint_file(run_directory(args) or ".", args.checkpoint_path)
    made = checkpoint.stat().st_mtime
    os.utime(path, (made, made))


def check_scorers(problem: Any) -> None:
    """ValueError if a library is missing that scores the problem's outputs."""
    from tensor2keras.metrics import text_scores

    for name in problem.text_scores():
        text_scores.scorer(name)


def print_scores(problem: Any, outputs: Sequence[str], references: Sequence[str], place: str) -> None:
    """Prints on stderr the scores that the problem goes by (BLEU for translation, ROUGE for summaries, ...).

    Raises:
        ValueError: another number of references, which `place` names, than outputs.
    """
    from tensor2keras.metrics import text_scores

    if len(references) != len(outputs):
        raise ValueError(f"{place} has {len(references)} lines, {len(outputs)} were decoded")
    for name in problem.text_scores():
        print(text_scores.score(name, outputs, references).line, file=sys.stderr)


# Other sources


def score(model: Any, problem: Any, path: str, hp: Any) -> list[float]:
    """Minus the log-probability a token, of each line's target.

    Raises:
        ValueError: a line with too many or too few tabs, with its number.
    """
    from tensor2keras.decoding.scoring import score_texts

    encoders = problem.get_feature_encoders()
    pairs = []
    for number, line in enumerate(read_texts(path), start=1):
        parts = [part.strip() for part in line.split("\t")]
        if len(parts) > 2 or (len(parts) < 2 and "inputs" in encoders):
            wanted = "INPUT<TAB>TARGET" if "inputs" in encoders else "TARGET"
            raise ValueError(f"{path}, line {number}: {len(parts)} columns; a line is {wanted}")
        pairs.append((parts[0], parts[-1]))
    return score_texts(model, encoders, pairs, hp.batch_size or 32)


def decode_interactively(model: Any, problem: Any, hp: Any, seed: int | None = None) -> None:
    """Prompts for texts until q or the end of input."""
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
            return
        name, _, value = line.partition("=")
        setting = {"ns": "num_decodes", "dl": "extra_length"}.get(name)
        if line == "q":
            return
        if setting and value.isdecimal():
            hp.override({setting: int(value)})
            continue
        for output in decode_lines(model, problem, [line], hp, seed):
            print(output, flush=True)


def decode_dataset(model: Any, problem: Any, split: str, to_file: str, hp: Any, seed: int | None = None) -> None:
    """Decodes a split of the problem's data: outputs to `to_file`, and beside it FILE.inputs and FILE.targets.

    Prints the scores that the problem goes by, unless it is a language model.
    """
    has_inputs = "inputs" in problem.get_feature_encoders()
    if has_inputs:
        check_scorers(problem)
    outputs, known = decode_split(model, problem, split, hp, seed)
    write_lines(to_file or "-", outputs)
    if to_file and to_file != "-":
        for name, lines in known.items():
            write_lines(f"{to_file}.{name}", lines)
    if has_inputs and not hp.return_beams and hp.num_decodes == 1:
        print_scores(problem, outputs, known["targets"], f"the {split} split")


def draw_pictures(model: Any, problem: Any, split: str, to_file: str, hp: Any, args: SimpleNamespace) -> None:
    """Draws images and writes them as a grid, `to_file` or OUTPUT_DIR/samples.png, beside it FILE-completions.png.

    A row of the completions is an image of the split, its upper half, and as many completions as columns are left. The
    number of images is `num_samples` (16 by default); a model that goes by images draws from those of the split.
    """
    import numpy as np

    from tensor2keras.decoding import images as drawing
    from tensor2keras.training import pictures

    count = hp.num_samples if hp.num_samples > 0 else 16
    settings = {"sampling_method": "random", "seed": args.random_seed}
    path = Path(to_file or Path(args.output_dir or ".") / "samples.png")
    path = path if path.suffix == ".png" else path.with_suffix(".png")
    features, _, _ = next(problem.dataset(split, model.hparams, shuffle=False, repeat=False).as_numpy_iterator())
    originals = np.asarray(features["targets"])[:count]
    inputs = {"inputs": features["inputs"][:count]} if model.has_inputs else {}
    drawn = pictures.draw(model, count, args.random_seed)
    if drawn is None:  # by images
        found = drawing.infer(model, inputs, **settings)["outputs"]
        drawn = np.asarray(found).astype("uint8")
    pictures.write_png(path, pictures.grid(drawn))
    print(f"{PROGRAM}: wrote {len(drawn)} images to {path}", file=sys.stderr)

    rows, completions = model.image_shape[0] // 2, 3
    if originals.shape[1:] != model.image_shape:
        return
    upper = originals[:, :rows]
    repeated = {name: np.repeat(value, completions, axis=0) for name, value in inputs.items()}
    repeated["partial_targets"] = np.repeat(upper, completions, axis=0)
    completed = np.asarray(drawing.infer(model, repeated, **settings)["outputs"])
    completed = completed.reshape(len(originals), completions, *model.image_shape)
    halves = np.pad(upper, ((0, 0), (0, model.image_shape[0] - rows), (0, 0), (0, 0)))
    cells = np.concatenate([originals[:, None], halves[:, None], completed], axis=1)
    beside = path.with_name(f"{path.stem}-completions.png")
    cells = cells.reshape(-1, *model.image_shape).astype("uint8")
    pictures.write_png(beside, pictures.grid(cells, columns=2 + completions))
    print(f"{PROGRAM}: wrote {len(originals)} images, their upper halves and completions to {beside}", file=sys.stderr)


def decode_split(
    model: Any, problem: Any, split: str, hp: Any, seed: int | None = None
) -> tuple[list[str], dict[str, list[str]]]:
    """The outputs for a split of the problem's data, and its inputs and targets as text, each one line an example."""
    from tensor2keras.decoding import text

    encoders = problem.get_feature_encoders()
    examples = dataset_examples(problem, split, model.hparams, hp.num_samples)
    source = "inputs" if "inputs" in encoders else "targets"
    decoded = text.decode_ids(
        model,
        [example[source] for example in examples],
        source,
        decode_length=hp.extra_length,
        batch_size=hp.batch_size or 32,
        progress=True,
        seed=seed,
        beam_size=hp.beam_size,
        alpha=hp.alpha,
        top_beams=hp.beam_size if hp.return_beams else 1,
    )
    known = {}
    for name in encoders.keys() & {"inputs", "targets"}:
        values = [example[name] for example in examples]
        texts = [
            text.to_text(encoders[name], text.until_eos(value))
            if value.ndim == 1 and value.dtype.kind == "i"
            else encoders[name].decode(value)
            for value in values
        ]
        known[name] = [" ".join(line.split("\n")) for line in texts]
    return [_line(encoders["targets"], result, hp) for result in decoded], known


def dataset_examples(problem: Any, split: str, hparams: Any, limit: int = -1) -> list[dict[str, Any]]:
    """The first `limit` examples (-1: all) of a split, one dict of unpadded features each; targets without inputs."""
    import numpy as np

    from tensor2keras.decoding.text import has_audio_inputs

    prepended = hparams.get("prepend_mode", "none") != "none"
    examples: list[dict[str, Any]] = []
    for features, _, _ in problem.dataset(split, hparams).as_numpy_iterator():
        for row in range(len(features["targets"])):
            example = {name: values[row] for name, values in features.items()}
            example = {name: np.trim_zeros(v, "b") if v.ndim == 1 else v for name, v in example.items()}
            if has_audio_inputs(hparams) and example["inputs"].ndim > 1:
                sounds = np.flatnonzero(example["inputs"].any(axis=(1, 2)))
                example["inputs"] = example["inputs"][: sounds[-1] + 1 if len(sounds) else 0]
            if all(value.size for value in example.values()):  # not a row that only fills the batch
                if prepended:
                    ends = np.flatnonzero(example["targets"] == 0)
                    example["targets"] = example["targets"][ends[0] + 1 if len(ends) else 0 :]
                examples.append(example)
        if 0 <= limit <= len(examples):
            break
    return examples[:limit] if limit >= 0 else examples


if __name__ == "__main__":
    sys.exit(main())
