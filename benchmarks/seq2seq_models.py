"""Every sequence-to-sequence model on Multi30k at equal size and equal training time.

    pip install ".[eval]"
    python benchmarks/seq2seq_models.py FOLDER [--minutes 20] [--models byte_net ...] [--cores 0] [--only time]

FOLDER holds `raw/` with the training and validation sentences as `text2text_tmpdir` wants them (`inputs.train.txt`,
`targets.train.txt`, `inputs.eval.txt`, `targets.eval.txt`), `test_2016.en` and `test_2016.de`. Each model, of about
three million parameters, is

1. timed on all cores: `TIMED_STEPS` steps of `t2t-trainer`, the median of its tokens and steps a second;
2. trained for as many steps as these cores take in `--minutes`. Scores depend on the number of steps and the seed, not
   on the cores, so two runs side by side with `--cores 0` and `--cores 1` give the same scores;
3. decoded on test_2016, beam 4, alpha 0.6, and scored by sacreBLEU.

Finished parts are not repeated, and a killed run resumes. Prints a table and writes `results.csv`.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

PROBLEM = "text2text_tmpdir"
VOCABULARY = 4096
TIMED_STEPS, LOGGED_STEPS = 120, 20
# The same for all. T2T's schedules are meant for days of training, and the weight decay of 3.0 in bytenet_base and
# slicenet_1 keeps everything but the frequencies of words from being learned.
COMMON = (
    "batch_size=1024,max_length=256,label_smoothing=0.1,weight_decay=0.0,"
    "learning_rate_schedule=constant*linear_warmup*cosdecay,learning_rate_constant=0.001,learning_rate_warmup_steps=200"
)
MODELS = {  # name -> (hparams set, overrides for three million parameters)
    "transformer": ("transformer_small", "hidden_size=192,num_hidden_layers=3,filter_size=384"),
    "universal_transformer": ("universal_transformer_tiny", "hidden_size=256,filter_size=1024,num_heads=4"),
    "evolved_transformer": (
        "evolved_transformer_tiny",
        "hidden_size=168,filter_size=336,num_heads=4,num_encoder_layers=1,num_decoder_layers=2",
    ),
    "byte_net": ("bytenet_base", "hidden_size=168,num_block_repeat=1"),
    "slice_net": ("slicenet_1", "hidden_size=192,dropout=0.2"),
    "lstm_seq2seq": ("lstm_seq2seq", "hidden_size=168"),
    "lstm_seq2seq_attention": ("lstm_bahdanau_attention", "hidden_size=168"),
    "lstm_seq2seq_bidirectional_encoder": ("lstm_seq2seq", "hidden_size=112"),
    "lstm_seq2seq_attention_bidirectional_encoder": ("lstm_bahdanau_attention", "hidden_size=120"),
    "transformer_moe": (
        "transformer_moe_base",
        "hidden_size=192,filter_size=512,num_heads=4,num_hidden_layers=2,layer_types=a/a#a/a-moe,"
        "moe_num_experts=4,moe_hidden_sizes=384",
    ),
}


def main() -> None:
    """Times, trains, decodes and scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="holds raw/, test_2016.en and test_2016.de; all output goes here")
    parser.add_argument("--minutes", type=float, default=20, help="of training on all cores")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="MODEL")
    parser.add_argument("--cores", help="of training and decoding, as in taskset: 0,1")
    parser.add_argument("--only", choices=["time"], help="stop after the timing")
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    flags = [f"--data_dir={args.folder / 'data'}", f"--problem={PROBLEM}"]
    run("t2t-datagen", *flags, f"--tmp_dir={args.folder / 'raw'}", f"--approx_vocab_size={VOCABULARY}")
    for model in args.models:
        time_model(model, args.folder, flags)
    if args.only != "time":
        if args.cores:
            os.sched_setaffinity(0, {int(core) for core in args.cores.split(",")})
        for model in args.models:
            train_and_score(model, args.folder, flags, args.minutes)
    print_table(args.folder)


def run(command: str, *flags: str) -> None:
    """Runs one of our commands and shows its output; ends this program if it fails."""
    print("+", command, *flags, flush=True)
    subprocess.run([command, *flags], check=True)


def train(model: str, output_dir: Path, flags: list[str], steps: int) -> None:
    """Trains without evaluating, or resumes."""
    hparams_set, size = MODELS[model]
    run(
        "t2t-trainer",
        *flags,
        f"--model={model}",
        f"--hparams_set={hparams_set}",
        f"--hparams={size},{COMMON},learning_rate_decay_steps={steps}",
        f"--output_dir={output_dir}",
        f"--train_steps={steps}",
        f"--log_step_count_steps={LOGGED_STEPS}",
        "--save_checkpoints_steps=1000",
        "--keep_checkpoint_max=1",
        "--schedule=train",
        "--random_seed=1",
    )


def time_model(model: str, folder: Path, flags: list[str]) -> None:
    """Writes `timing/MODEL.json`: tokens (inputs and targets) and steps a second."""
    path = folder / "timing" / f"{model}.json"
    if path.exists():
        return
    train(model, folder / "timing" / model, flags, TIMED_STEPS)
    with open(folder / "timing" / model / "metrics.csv") as file:
        rows = list(csv.DictReader(file))[1:]
    names = ("steps_per_second", "tokens_per_second")
    path.write_text(json.dumps({name: statistics.median(float(row[name]) for row in rows) for name in names}))


def train_and_score(model: str, folder: Path, flags: list[str], minutes: float) -> None:
    """Writes `scores/MODEL.json`: the timing, steps, parameters and BLEU."""
    import sacrebleu

    path, output_dir, hypotheses = folder / "scores" / f"{model}.json", folder / "runs" / model, folder / f"{model}.de"
    if path.exists():
        return
    timing = json.loads((folder / "timing" / f"{model}.json").read_text())
    steps = round(timing["steps_per_second"] * minutes * 60)
    train(model, output_dir, flags, steps)
    run(
        "t2t-decoder",
        *flags,
        f"--output_dir={output_dir}",
        f"--decode_from_file={folder / 'test_2016.en'}",
        f"--decode_to_file={hypotheses}",
        "--decode_hparams=beam_size=4,alpha=0.6",
    )
    lines = [file.read_text().splitlines() for file in (hypotheses, folder / "test_2016.de")]
    bleu = sacrebleu.corpus_bleu(lines[0], [lines[1]]).score
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(timing | {"steps": steps, "parameters": parameters(output_dir), "bleu": bleu}))


def parameters(output_dir: Path) -> int:
    """Returns the number of the model's weights; all are trained."""
    from tensor2keras.training import loading

    return loading.load_model(output_dir).count_params()


def print_table(folder: Path) -> None:
    """Prints what has been scored so far, the best first, and writes `results.csv`."""
    scored = {path.stem: json.loads(path.read_text()) for path in (folder / "scores").glob("*.json")}
    if not scored:
        return
    rows = [{"model": model, **row} for model, row in sorted(scored.items(), key=lambda item: -item[1]["bleu"])]
    with open(folder / "results.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    print("| model | parameters | tokens/s | steps | BLEU |\n| --- | --- | --- | --- | --- |")
    for row in rows:
        print(
            f"| `{row['model']}` | {row['parameters']:,} | {row['tokens_per_second']:,.0f} | {row['steps']:,} "
            f"| {row['bleu']:.2f} |"
        )


if __name__ == "__main__":
    sys.exit(main())
