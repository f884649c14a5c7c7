"""Operations Keras offers no backend-independent API for, and the parts of Keras used beyond its public API.

TensorFlow, JAX and PyTorch are imported inside the functions that need them, so that one backend is enough.
"""

from tensor2keras.backend.keras_internals import (
    OptimizerHooks,
    adam_moments,
    called_shapes,
    output_shapes_in_summary,
    sync_variables,
)
from tensor2keras.backend.memory import within_memory
from tensor2keras.backend.operations import batch_norm, compiled, look_up, on_accelerator, scan
from tensor2keras.backend.reversible import Function, reversible_chain
