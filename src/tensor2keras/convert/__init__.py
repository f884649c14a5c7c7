"""Tensor2Tensor checkpoints -> our weights."""

from tensor2keras.convert.t2t import Report, load_t2t_weights

__all__ = ["Report", "load_t2t_weights"]
