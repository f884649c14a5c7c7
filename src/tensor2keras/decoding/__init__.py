"""Beam search and sampling over a model's cache (`infer`), and from texts to texts (`decode`)."""

from tensor2keras import lazy

# Importing `decoding.decode_hparams` alone loads no Keras.
__all__, __getattr__, __dir__ = lazy.exports(__name__, {"search": ["infer"], "text": ["decode"]})
