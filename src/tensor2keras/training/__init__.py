"""Training on `model.fit`, evaluation, checkpoints, and models loaded from an output directory."""

from tensor2keras import lazy

# Importing `training.options` alone loads no Keras.
__all__, __getattr__, __dir__ = lazy.exports(
    __name__,
    {
        "evaluation": ["evaluate_checkpoint"],
        "loading": ["load_model", "open_run"],
        "options": ["TrainOptions"],
        "trainer": ["train_and_evaluate"],
    },
    modules=["checkpoints", "trainer"],
)
