"""tensor2keras: Tensor2Tensor's problems, models and hyperparameters as a Keras 3 library.

Importing the package loads no TensorFlow; names resolve on first use.
"""

from tensor2keras import _import_hooks, _keras_registration, _moved, lazy

__version__ = "0.1.0"

__all__, __getattr__, __dir__ = lazy.exports(
    __name__,
    {
        "data.problem": ["Problem"],
        "decoding.text": ["decode"],
        "hparams": ["HParams"],
        "models.t2t_model": ["T2TModel"],
    },
    modules=[
        *("convert", "data", "decoding", "hparams", "layers"),
        *("metrics", "models", "optimizers", "registry", "training"),
    ],
)

_moved.install()
_import_hooks.install()
_keras_registration.install()
