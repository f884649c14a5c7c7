"""A model of images by class: trained by the command, samples in TensorBoard, drawn and completed by the command."""

import pytest
import tensorflow as tf

from tensor2keras.cli import decoder, trainer

SMALL = (
    "img_len=8,num_channels=1,batch_size=16,hidden_size=16,filter_size=16,num_decoder_layers=1,num_heads=2,"
    "block_length=32"
)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("digits")
    flags = {
        "problem": "image_digits_rev",
        "data_dir": folder / "data",
        "output_dir": folder / "run",
        "model": "imagetransformer",
        "hparams_set": "imagetransformer_tiny",
        "hparams": SMALL,
        "train_steps": 2,
        "local_eval_frequency": 2,
        "eval_steps": 1,
    }
    assert trainer.main(["--generate_data", *(f"--{name}={value}" for name, value in flags.items())]) == 0
    return folder / "run"


def test_samples_are_in_tensorboard(run_dir):
    tags = {
        value.tag
        for file in (run_dir / "eval").glob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    }
    assert "samples" in tags
    assert any("bits_per_dim" in tag for tag in tags)


def test_the_command_draws_and_completes(run_dir, tmp_path, capsys):
    target = tmp_path / "digits.png"
    flags = ["--decode_hparams=num_samples=4", f"--decode_to_file={target}", "--random_seed=1"]
    assert decoder.main([f"--output_dir={run_dir}", *flags]) == 0
    assert f"wrote 4 images to {target}" in capsys.readouterr().err
    assert tf.io.decode_png(target.read_bytes()).shape == (19, 19, 1)
    completions = tf.io.decode_png((tmp_path / "digits-completions.png").read_bytes())
    assert completions.shape == (4 * 9 + 1, 5 * 9 + 1, 1)
