"""T2T's variable names: their canonical form, joining of shards and splitting of fused projections.

Layers have T2T's scope names, so a variable's path is T2T's name except for the rules below. There is no table of
variables: a new model is covered if its layers are named like T2T's scopes.
"""

import re
from collections.abc import Mapping

import numpy as np

# A name begins at the body or at a modality; the scopes before depend on the version and the number of devices.
_BEGINNING = re.compile(r"body|\w+_modality\w*|image_channel_embeddings_bottom")
# First scopes of a body without the scope "body": that of T2T's models with a `body_sharded`.
_BODY = re.compile(r"encoder|decoder|layer_\d+|layer_prepostprocess|target_space_embedding")
# Scopes that depend on T2T's version and the number of devices, and layers here for which T2T has no scope.
_IGNORED = re.compile(r"parallel_\d+(_\d+)?|model|dense_relu_dense|conv_hidden_relu|group_norm|table")
_OURS_ALONE = ("dense_relu_dense", "group_norm", "table")
_TWICE = re.compile(r"\w+_modality\w*|f")  # modalities' functions, and functions of reversible layers
_RENAMED = {"q_transform": "q"}
_SHARD = re.compile(r"(?P<table>.*/weights)_(?P<number>\d+)")
# One matrix for several projections: older versions' attention.
_FUSED = {scope + suffix: parts for scope, parts in {"qkv": "qkv", "kv": "kv"}.items() for suffix in ("", "_transform")}


def canonical_name(name: str) -> str:
    """Returns a variable's name without the scopes that differ between versions, devices and libraries.

    Example:
        >>> canonical_name("transformer/parallel_0_3/transformer/transformer/body/encoder/layer_0/ffn/conv1/kernel")
        'body/encoder/layer_0/ffn/conv1/kernel'
    """
    scopes: list[str] = []
    names = name.removesuffix(":0").split("/")
    if not any(_BEGINNING.fullmatch(scope) for scope in names):
        start = next((i for i, scope in enumerate(names) if _BODY.fullmatch(scope)), None)
        names = names if start is None else ["body", *names[start:]]
    start = next((i for i, scope in enumerate(names) if _BEGINNING.fullmatch(scope)), 0)
    for scope in names[start:]:
        last = scopes[-1] if scopes else ""
        is_expert = last == "local_moe"  # its parallel_N are experts, not devices
        scope = _RENAMED.get(scope.removesuffix("_single"), scope.removesuffix("_single"))
        if scope != last and (is_expert or not _IGNORED.fullmatch(scope)):
            scopes.append(scope)
    return "/".join(scopes)


def without_sizes(name: str) -> str:
    """Returns a canonical name without the modality's sizes: `symbol_modality` for `symbol_modality_33708_512`."""
    return re.sub(r"(_modality)(_\d+)+", r"\1", name)


def t2t_name(path: str) -> str:
    """Returns T2T's name of the variable of this path.

    A layer named like its parent adds no scope, except where T2T nests that scope twice, too.
    """
    scopes = [scope for scope in path.split("/") if scope not in _OURS_ALONE]
    pairs = zip(scopes, ["", *scopes], strict=False)
    return "/".join(scope for scope, last in pairs if scope != last or _TWICE.fullmatch(scope))


def t2t_array(name: str, array: np.ndarray) -> np.ndarray:
    """Returns the array in T2T's shape: T2T's convolutions over a sequence have two dimensions, one of size 1.

    Their scopes are `..._single` and `conv2d`; a dense layer here is such a convolution of width 1.
    """
    if not re.search(r"(_single|conv2d(_\d+)?)/\w*kernel$", name) or array.ndim > 3:
        return array
    return array[:, None] if array.ndim == 3 else array[None, None]


def join_shards(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Joins `weights_0`, `weights_1`, ... along the first axis as `weights_*`; returns other arrays unchanged."""
    shards: dict[str, dict[int, np.ndarray]] = {}
    joined = {}
    for name, array in arrays.items():
        if shard := _SHARD.fullmatch(name):
            shards.setdefault(f"{shard['table']}_*", {})[int(shard["number"])] = array
        else:
            joined[name] = array
    for name, parts in shards.items():
        if set(parts) != set(range(len(parts))):
            raise ValueError(f"{name} has shards {sorted(parts)}: some are missing")
        joined[name] = np.concatenate([parts[number] for number in sorted(parts)])
    return joined


def split_shards(name: str, array: np.ndarray, shards: int) -> dict[str, np.ndarray]:
    """Splits a symbol table into shards as T2T stores it, the larger ones first; returns other arrays unchanged."""
    if not re.search(r"symbol_modality\w*/(.*/)?weights$", name):
        return {name: array}
    return {f"{name}_{i}": part for i, part in enumerate(np.array_split(array, shards))}


def split_fused(
    arrays: Mapping[str, tuple[str, np.ndarray]], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[str, np.ndarray]]:
    """Splits `qkv_transform/kernel` and `kv_transform/kernel` by columns if the model has separate projections.

    Args:
        arrays: {canonical name: (T2T's name, array)}.
        shapes: the model's {canonical name: shape}.
    """
    found = {}
    for name, (original, array) in arrays.items():
        scope, _, kernel = name.rpartition("/")
        scope, _, fused = scope.rpartition("/")
        parts = [f"{scope}/{part}/{kernel}" for part in _FUSED.get(fused, "")]
        widths = [shapes[part][-1] for part in parts if part in shapes]
        if not parts or len(widths) < len(parts) or sum(widths) != array.shape[-1]:
            found[name] = original, array
            continue
        columns = np.split(array, np.cumsum(widths)[:-1], axis=-1)
        found.update(
            {part: (f"{original} ({part[-len(kernel) - 2]})", a) for part, a in zip(parts, columns, strict=True)}
        )
    return found
