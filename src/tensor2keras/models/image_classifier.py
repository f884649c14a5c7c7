"""Base of the convolutional image classifiers."""

from typing import Any

from keras import ops

from tensor2keras.hparams import HParams
from tensor2keras.models import t2t_model
from tensor2keras.types import Features, Shape, Tensor

IMAGES = ("image", "identity", "real")


class ImageClassifier(t2t_model.T2TModel):
    """Base of networks that classify images.

    A subclass defines `build_layers(shape)` and `body`, whose output [batch, height, width, `body_size`] is averaged
    and projected to the classes.

    Call arguments:
        features: "inputs" [batch, height, width, channels]; "targets" [batch] labels, read by the loss only.
        training: whether batch statistics, noise and dropout apply.

    Returns:
        Logits [batch, classes].
    """

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("inputs", *IMAGES)
        self.require_modality("targets", "class_label")

    @property
    def image_size(self) -> tuple[int | None, int | None, int]:
        """Height, width and channels of the problem's images; without a problem, any size and three channels."""
        inputs = {} if self.problem is None else self.problem["features"]["inputs"]
        return tuple(inputs.get("shape") or (None, None, 3))

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        if self.problem is None and isinstance(input_shape, dict) and "inputs" in input_shape:
            self._channels = input_shape["inputs"][-1]
        super().build()

    def build_body(self) -> None:
        self.build_layers((None, None, None, getattr(self, "_channels", self.image_size[-1])))

    def build_layers(self, shape: Shape) -> None:
        """Makes the layers' variables for inputs [batch, height, width, channels], whose channels are known."""
        raise NotImplementedError(f"{type(self).__name__} must define build_layers(shape)")

    def images(self, features: Features) -> Tensor:
        """Returns the inputs in the compute dtype."""
        return ops.cast(features["inputs"], self.compute_dtype)
