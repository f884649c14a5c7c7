"""Conversion of Tensor2Tensor checkpoints to weights of this library, and back."""

from tensor2keras.convert.runs import T2TRun, as_in_t2t, is_t2t_run, load_t2t_model, open_t2t_run, read_flags
from tensor2keras.convert.t2t import Report, load_t2t_weights, save_t2t_checkpoint
