"""Training: one function on `model.fit`, its checkpoints, and models read back from an output directory."""

from tensor2keras.training import checkpoints
from tensor2keras.training.loading import load_model
from tensor2keras.training.trainer import train_and_evaluate

__all__ = ["checkpoints", "load_model", "train_and_evaluate"]
