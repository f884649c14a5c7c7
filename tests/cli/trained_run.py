"""The output directory of a translator of letters that was never trained, with two checkpoints."""

from pathlib import Path

from tensor2keras import registry
from tensor2keras.data.text_problem import Text2TextProblem, VocabType
from tensor2keras.training import checkpoints
from tensor2keras.training.loading import write_run

SMALL = {"hidden_size": 16, "filter_size": 16, "num_heads": 2, "num_hidden_layers": 1}
STEPS = (100, 200)


@registry.register_problem
class ReversedLetters(Text2TextProblem):
    """Words and their letters in reverse."""

    vocab_type = VocabType.CHARACTER
    is_generate_per_split = True

    def generate_samples(self, data_dir, tmp_dir, dataset_split):
        for word in ("one", "two", "three"):
            yield {"inputs": word, "targets": word[::-1]}


def make_run(folder: Path) -> Path:
    """Writes hparams.json, flags.txt and the checkpoints of STEPS; the weights of each step differ."""
    import keras

    run = folder / "run"
    problem = registry.problem("reversed_letters", data_dir=str(folder / "data"))
    hparams = registry.hparams("transformer_tiny", problem=problem, overrides=SMALL)
    write_run(run, "transformer", hparams, hparams_set="transformer_tiny", flags=[f"--data_dir={folder / 'data'}"])
    for step in STEPS:
        keras.utils.set_random_seed(step)
        model = registry.model("transformer", hparams)
        model.build()
        checkpoints.save_weights(model, run, step)
    return run
