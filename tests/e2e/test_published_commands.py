"""The example commands of Tensor2Tensor's README, on small files of the layouts they read.

Flags are those of the README but for directories, step counts and the sizes that `--hparams` makes small.
"""

from pathlib import Path

import pytest

from tensor2keras.cli import bleu, datagen, decoder, evaluate, trainer
from tests.e2e import raw_corpora
from tests.training.tiny import losses

pytestmark = pytest.mark.slow

TEXT = "hidden_size=16,filter_size=32,num_heads=2,num_hidden_layers=1,batch_size=512,max_length=128"
UNIVERSAL = f"{TEXT},num_rec_steps=2"
SHAKE_SHAKE = "hidden_size=16,num_hidden_layers=8,batch_size=4"
PICTURES = "hidden_size=16,filter_size=16,num_heads=2,num_decoder_layers=1,batch_size=2,block_length=256"
IMG2IMG = f"{PICTURES},num_encoder_layers=1"
SPEECH = (
    "hidden_size=16,filter_size=16,num_heads=2,num_encoder_layers=1,num_decoder_layers=1,batch_size=2000,"
    "num_zeropad_frames=0"
)
# problem, model, hparams set, its files, sizes for two cores; what is decoded or scored as well has a test below
COMMANDS = [
    ("translate_ende_wmt32k", "transformer", "transformer_base", raw_corpora.translation, TEXT),
    ("translate_ende_wmt32k_rev", "transformer", "transformer_big", raw_corpora.translation, TEXT),
    ("languagemodel_ptb_characters", "transformer", "transformer_small", raw_corpora.penn_treebank, TEXT),
    ("languagemodel_lm1b32k", "transformer", "transformer_base", raw_corpora.billion_words, TEXT),
    ("languagemodel_lm1b_characters", "transformer", "transformer_base", raw_corpora.billion_words, TEXT),
    ("algorithmic_math_two_variables", "transformer", "transformer_tiny", raw_corpora.sums, TEXT),
    (
        "algorithmic_math_two_variables",
        "universal_transformer",
        "universal_transformer_tiny",
        raw_corpora.sums,
        UNIVERSAL,
    ),
    (
        "algorithmic_math_two_variables",
        "universal_transformer",
        "adaptive_universal_transformer_tiny",
        raw_corpora.sums,
        UNIVERSAL,
    ),
    ("babi_qa_concat_task1_1k", "transformer_encoder", "transformer_tiny", raw_corpora.stories, TEXT),
    ("image_mnist", "shake_shake", "shake_shake_quick", raw_corpora.digits, SHAKE_SHAKE),
    ("image_cifar10", "shake_shake", "shakeshake_big", raw_corpora.small_pictures, SHAKE_SHAKE),
    ("image_imagenet224", "resnet", "resnet_50", raw_corpora.photographs, "layer_sizes=[1,1,1,1],batch_size=2"),
    (
        "image_imagenet",
        "xception",
        "xception_base",
        raw_corpora.photographs,
        "num_hidden_layers=1,hidden_size=32,batch_size=2",
    ),
    ("img2img_celeba", "img2img_transformer", "img2img_transformer_base", raw_corpora.faces, IMG2IMG),
    (
        "image_cifar10_plain_gen_rev",
        "imagetransformer",
        "imagetransformer_cifar10_base",
        raw_corpora.small_pictures,
        PICTURES,
    ),
    (
        "image_cifar10_plain_gen_rev",
        "imagetransformer",
        "imagetransformer_cifar10_base_dmol",
        raw_corpora.small_pictures,
        PICTURES,
    ),
    (
        "image_imagenet32_gen_rev",
        "imagetransformer",
        "imagetransformer_imagenet32_base",
        raw_corpora.downsampled_photographs,
        PICTURES,
    ),
    ("librispeech", "transformer", "transformer_librispeech", raw_corpora.read_books, SPEECH),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tmp").mkdir()
    return tmp_path


def train(folder, problem, model, hparams_set, sizes=TEXT):
    """t2t-datagen, then t2t-trainer for two steps; returns the training's losses."""
    data_dir, output_dir = folder / "data", folder / "train"
    places = [f"--data_dir={data_dir}", f"--problem={problem}"]
    assert datagen.main([f"--tmp_dir={folder / 'tmp'}", *places]) == 0
    command = [*places, f"--model={model}", f"--hparams_set={hparams_set}", f"--output_dir={output_dir}"]
    small = [f"--hparams={sizes}", "--train_steps=2", "--eval_steps=1", "--log_step_count_steps=1"]
    assert trainer.main([*command, *small]) == 0
    return losses(output_dir)


@pytest.mark.parametrize(
    ("problem", "model", "hparams_set", "files", "sizes"), COMMANDS, ids=[f"{row[0]}-{row[2]}" for row in COMMANDS]
)
def test_suggested_model_trains_on_suggested_data_set(problem, model, hparams_set, files, sizes, folder):
    files(folder / "tmp")
    found = train(folder, problem, model, hparams_set, sizes)
    assert len(found) == 2
    assert all(0 < loss < 100 for loss in found)


def test_walkthrough(folder, monkeypatch, capsys):
    """From t2t-datagen to t2t-bleu, as the README's walkthrough has it."""
    raw_corpora.translation(folder / "tmp")
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


def test_summaries_are_decoded_and_scored_by_rouge(folder, capsys):
    raw_corpora.articles(folder / "tmp")
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
    raw_corpora.reviews(folder / "tmp")
    train(folder, "sentiment_imdb", "transformer_encoder", "transformer_tiny")
    capsys.readouterr()
    assert evaluate.main([f"--output_dir={folder / 'train'}", "--confusion_matrix", "--eval_steps=0"]) == 0
    neg, pos = (line.split() for line in capsys.readouterr().out.splitlines()[-2:])
    assert (neg[0], pos[0]) == ("neg", "pos")
    assert int(neg[1]) + int(neg[2]) == int(pos[1]) + int(pos[2]) == 20
    assert (folder / "train/eval/confusion_matrix-2.png").read_bytes().startswith(b"\x89PNG")


def test_a_language_model_is_measured_by_words_and_continues_prompts(folder, capsys):
    raw_corpora.penn_treebank(folder / "tmp")
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
