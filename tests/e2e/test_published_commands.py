"""The example commands of Tensor2Tensor's README, on small files of the layouts they read.

Flags are those of the README but for directories, step counts and the sizes that `--hparams` makes small.
"""

import hashlib
import os
from pathlib import Path

import pytest

from tensor2keras import registry
from tensor2keras.cli import bleu, datagen, decoder, evaluate, trainer
from tensor2keras.data import lm1b
from tests.data.raw_files import lines, put, put_tar
from tests.training.tiny import losses

pytestmark = pytest.mark.slow

SMALL = "hidden_size=16,filter_size=32,num_heads=2,num_hidden_layers=1,batch_size=512,max_length=128"
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
ZAHLEN = ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn"]


def sentences(words, count=60):
    """Sentences of four words each, every one another."""
    return lines(*(" ".join(words[(i * k) % len(words)] for k in (1, 3, 7, 9)) + f" {i}." for i in range(count)))


def translation(raw: Path) -> None:
    """WMT's archives as T2T downloads them."""
    english, german = sentences(NUMBERS), sentences(ZAHLEN)
    for archive, stem in (
        ("training-parallel-nc-v13", "training-parallel-nc-v13/news-commentary-v13"),
        ("training-parallel-commoncrawl", "commoncrawl"),
        ("training-parallel-europarl-v7", "training/europarl-v7"),
    ):
        put_tar(raw / f"{archive}.tgz", {f"{stem}.de-en.en": english, f"{stem}.de-en.de": german})
    put_tar(raw / "dev.tgz", {"dev/newstest2013.en": english[:200], "dev/newstest2013.de": german[:200]})
    short = {f"dev/newstest2013.{language}": lines(f"{language} one.", f"{language} two.") for language in ("en", "de")}
    put_tar(raw / "dev.tgz", short)


def penn_treebank(raw: Path) -> None:
    """Mikolov's archive."""
    text = sentences(NUMBERS)
    names = [f"./simple-examples/data/ptb.{kind}{part}.txt" for kind in ("", "char.") for part in ("train", "valid")]
    put_tar(raw / "simple-examples.tgz", dict.fromkeys(names, text))


def billion_words(raw: Path) -> None:
    """The benchmark's parts and its vocabulary."""
    parts = {name: sentences(NUMBERS, 5) for names in lm1b.FILES.values() for name in names}
    put(raw, {**parts, "vocab-2016-09-10.txt.en": lines(*NUMBERS)})


def reviews(raw: Path) -> None:
    """Maas's folder of reviews."""
    files = {
        f"aclImdb/{part}/{label}/{i}_1.txt": f"This film is {word} {i}.<br />See it?".encode()
        for part in ("train", "test")
        for label, word in (("pos", "good"), ("neg", "bad"))
        for i in range(20)
    }
    put_tar(raw / "aclImdb_v1.tar.gz", files)


def articles(raw: Path) -> None:
    """Stories and lists of their addresses."""
    story = "{} went home. It was late.\n\nThen it rained\n\n@highlight\n\n{} is home\n\n@highlight\n\nIt rains\n"
    urls = {part: [f"http://{part}/{i}" for i in range(30)] for part in ("train", "val", "test")}
    put(raw, {f"all_{part}.txt": lines(*found) for part, found in urls.items()})
    names = [f"{hashlib.sha1(url.encode()).hexdigest()}.story" for found in urls.values() for url in found]
    texts = [story.format(word, word).encode() for word in NUMBERS * 9]
    put_tar(raw / "cnn_stories.tgz", {f"cnn/stories/{n}": t for n, t in zip(names[::2], texts, strict=False)})
    put_tar(
        raw / "dailymail_stories.tgz", {f"dailymail/stories/{n}": t for n, t in zip(names[1::2], texts, strict=False)}
    )


def sums(raw: Path) -> None:
    """Wangperawong's file."""
    tasks = lines(*(f"x={x},y={3 * x},y-x:{2 * x}" for x in range(100)))
    put_tar(raw / "mathematical_language_understanding_train.tar.gz", {"symbolic_math_train.txt": tasks})


def stories(raw: Path) -> None:
    """Weston's folder."""
    from tensor2keras.data.babi_qa import TASK_NAMES

    text = lines("1 Mary moved to the hall.", "2 Where is Mary? \thall\t1", "3 John is here.", "4 Who? \tJohn\t3") * 20
    names = [f"tasks_1-20_v1-2/en/{task}_{part}.txt" for task in TASK_NAMES[1:] for part in ("train", "test")]
    put_tar(raw / "tasks_1-20_v1-2.tar.gz", dict.fromkeys(names, text))


# problem, model, hparams set, its files
COMMANDS = [
    ("translate_ende_wmt32k", "transformer", "transformer_base", translation),
    ("translate_ende_wmt32k_rev", "transformer", "transformer_big", translation),
    ("languagemodel_ptb10k", "transformer", "transformer_small", penn_treebank),
    ("languagemodel_ptb_characters", "transformer", "transformer_small", penn_treebank),
    ("languagemodel_lm1b32k", "transformer", "transformer_base", billion_words),
    ("languagemodel_lm1b_characters", "transformer", "transformer_base", billion_words),
    ("sentiment_imdb", "transformer_encoder", "transformer_tiny", reviews),
    ("summarize_cnn_dailymail32k", "transformer", "transformer_prepend", articles),
    ("algorithmic_math_two_variables", "transformer", "transformer_tiny", sums),
    ("algorithmic_math_two_variables", "universal_transformer", "universal_transformer_tiny", sums),
    ("algorithmic_math_two_variables", "universal_transformer", "adaptive_universal_transformer_tiny", sums),
    ("babi_qa_concat_task1_1k", "transformer_encoder", "transformer_tiny", stories),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tmp").mkdir()
    return tmp_path


def train(folder, problem, model, hparams_set, *flags):
    """t2t-datagen, then t2t-trainer for two steps; returns the training's losses."""
    data_dir, output_dir = folder / "data", folder / "train"
    places = [f"--data_dir={data_dir}", f"--problem={problem}"]
    assert datagen.main([f"--tmp_dir={folder / 'tmp'}", *places]) == 0
    command = [*places, f"--model={model}", f"--hparams_set={hparams_set}", f"--output_dir={output_dir}"]
    small = [f"--hparams={SMALL}", "--train_steps=2", "--eval_steps=1", "--log_step_count_steps=1"]
    assert trainer.main([*command, *small, *flags]) == 0
    return losses(output_dir)


@pytest.mark.parametrize(("problem", "model", "hparams_set", "files"), COMMANDS)
def test_suggested_model_trains_on_suggested_data_set(problem, model, hparams_set, files, folder):
    if model not in registry.models:
        pytest.skip(f"{model} is not here yet")
    files(folder / "tmp")
    found = train(folder, problem, model, hparams_set)
    assert len(found) == 2
    assert all(0 < loss < 100 for loss in found)


def test_walkthrough(folder, monkeypatch, capsys):
    """From t2t-datagen to t2t-bleu, as the README's walkthrough has it."""
    translation(folder / "tmp")
    train(folder, "translate_ende_wmt32k", "transformer", "transformer_base_single_gpu")
    monkeypatch.chdir(folder)
    (folder / "data/decode_this.txt").write_text("Hello world\nGoodbye world\n")
    (folder / "ref-translation.de").write_text("Hallo Welt\nAuf Wiedersehen Welt\n")
    run = [
        f"--data_dir={folder / 'data'}",
        "--problem=translate_ende_wmt32k",
        "--model=transformer",
        "--hparams_set=transformer_base_single_gpu",
        f"--output_dir={folder / 'train'}",
    ]
    decode = ["--decode_hparams=beam_size=4,alpha=0.6", f"--decode_from_file={folder / 'data/decode_this.txt'}"]
    assert decoder.main([*run, *decode, "--decode_to_file=translation.en"]) == 0
    assert Path("translation.en").read_text().count("\n") == 2
    assert bleu.main(["--translation=translation.en", "--reference=ref-translation.de"]) == 0
    assert "BLEU" in capsys.readouterr().out


def test_two_devices(folder):
    """--worker_gpu=2 --locally_shard_to_cpu, in a process of its own: TensorFlow's devices are decided once."""
    import subprocess
    import sys

    translation(folder / "tmp")
    data = [f"--data_dir={folder / 'data'}", "--problem=translate_ende_wmt32k"]
    assert datagen.main([*data, f"--tmp_dir={folder / 'tmp'}"]) == 0
    flags = [*data, "--model=transformer", "--hparams_set=transformer_big", f"--output_dir={folder / 'train'}"]
    more = [f"--hparams={SMALL}", "--train_steps=2", "--eval_steps=1", "--worker_gpu=2", "--locally_shard_to_cpu"]
    command = [sys.executable, "-m", "tensor2keras.cli.trainer", *flags, *more, "--log_step_count_steps=1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert len(losses(folder / "train")) == 2


def test_summaries_are_decoded_and_scored_by_rouge(folder, capsys):
    articles(folder / "tmp")
    train(folder, "summarize_cnn_dailymail32k", "transformer", "transformer_prepend")
    source, reference = folder / "article.txt", folder / "summary.txt"
    source.write_text("one went home. It was late. Then it rained.\n")
    reference.write_text("one is home. It rains.\n")
    run = [f"--output_dir={folder / 'train'}", "--decode_hparams=beam_size=2,extra_length=10,num_samples=3"]
    files = [f"--decode_from_file={source}", f"--decode_to_file={folder / 'out'}", f"--decode_reference={reference}"]
    assert decoder.main([*run, *files]) == 0
    assert "ROUGE-1 " in capsys.readouterr().err
    assert evaluate.main([*run, "--decode", "--eval_steps=1"]) == 0
    header = capsys.readouterr().out.splitlines()[0].split()
    assert {"neg_log_perplexity", "rouge1", "rouge2", "rougeL", "rougeLsum"} <= set(header)


def test_a_classifier_shows_what_it_confuses(folder, capsys):
    reviews(folder / "tmp")
    train(folder, "sentiment_imdb", "transformer_encoder", "transformer_tiny")
    capsys.readouterr()
    assert evaluate.main([f"--output_dir={folder / 'train'}", "--confusion_matrix", "--eval_steps=0"]) == 0
    neg, pos = (line.split() for line in capsys.readouterr().out.splitlines()[-2:])
    assert (neg[0], pos[0]) == ("neg", "pos")
    assert int(neg[1]) + int(neg[2]) == int(pos[1]) + int(pos[2]) == 20
    assert (folder / "train/eval/confusion_matrix-2.png").read_bytes().startswith(b"\x89PNG")


def test_a_language_model_is_measured_by_words_and_continues_prompts(folder, capsys):
    penn_treebank(folder / "tmp")
    train(folder, "languagemodel_ptb10k", "transformer", "transformer_small")
    run = [f"--output_dir={folder / 'train'}"]
    capsys.readouterr()
    assert evaluate.main([*run, "--eval_steps=0"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    values = dict(zip(header.split(), map(float, row.split()), strict=True))
    assert values["perplexity"] == pytest.approx(values["word_perplexity"], rel=1e-4)  # a token is a word
    assert 0 < values["bits_per_char"] < 10
    prompts, output = folder / "prompts.txt", folder / "continued.txt"
    prompts.write_text("one two\nthree unknownword\n\n")
    sampling = ["--hparams=sampling_method=random,sampling_temp=0.9", "--decode_hparams=beam_size=1,extra_length=5"]
    files = [f"--decode_from_file={prompts}", f"--decode_to_file={output}", "--random_seed=7"]
    assert decoder.main([*run, *sampling, *files]) == 0
    first = output.read_text()
    assert first.count("\n") == 3
    assert decoder.main([*run, *sampling, *files]) == 0
    assert output.read_text() == first  # the same seed
