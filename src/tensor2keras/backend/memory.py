"""A check of new variables against the memory that is available."""

import contextlib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from tensor2keras.backend.operations import on_accelerator

_UNCHECKED = 2**26  # bytes that need no look at the memory
_WHILE_MADE = 3  # random numbers, the same scaled, and the variable are in memory together
# What a process may still take: of the machine, and of its control group (limit and use).
_MACHINE, _LIMIT, _USE = map(Path, ("/proc/meminfo", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"))


@contextlib.contextmanager
def within_memory() -> Iterator[None]:
    """Checks, in the block, that each variable of a layer fits into the memory available before it is made.

    Without the check a mistake in a size (`hidden_size=1000000`) ends with the process being killed. Where the memory
    is not known (other systems than Linux; accelerators, whose backends raise) nothing is checked.

    Raises:
        MemoryError: in the block; shape, bytes needed and bytes available are named.
    """
    add_weight = keras.layers.Layer.add_weight

    def checked(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> keras.Variable:
        shape = args[0] if args else kwargs.get("shape")
        if isinstance(shape, list | tuple) and all(isinstance(size, int) for size in shape):
            dtype = kwargs.get("dtype") or (args[2] if len(args) > 2 else None) or layer.variable_dtype
            needed = _WHILE_MADE * math.prod(shape) * _bytes_of(dtype)
            free = available() if needed > _UNCHECKED and not on_accelerator() else None
            if free is not None and needed > free:
                raise MemoryError(
                    f"the variable {kwargs.get('name')} of the layer {layer.path or layer.name} has the shape "
                    f"{list(shape)}: making it takes {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are "
                    "available"
                )
        return add_weight(layer, *args, **kwargs)

    keras.layers.Layer.add_weight = checked
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = add_weight


def available() -> int | None:
    """Returns the bytes of memory that this process may still take, or None where they are not known."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        free = int(re.search(r"MemAvailable:\s*(\d+) kB", _MACHINE.read_bytes().decode())[1]) * 1024
        with contextlib.suppress(OSError, ValueError):  # no control group, or "max": no limit
            free = min(free, int(_LIMIT.read_bytes()) - int(_USE.read_bytes()))
        return free
    return None


def _bytes_of(dtype: Any) -> int:
    bits = re.search(r"\d+", keras.backend.standardize_dtype(dtype))
    return int(bits[0]) // 8 if bits else 1
