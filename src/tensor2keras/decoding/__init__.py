"""Beam search, sampling, and text in -> text out."""

from tensor2keras.decoding.search import infer
from tensor2keras.decoding.text import decode

__all__ = ["decode", "infer"]
