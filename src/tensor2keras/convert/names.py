"""T2T's variable names: the form in which both sides are compared, shards joined, fused projections split.

Our layers carry T2T's scope names, so a variable's path is T2T's name up to what is said here. No table of variables is
kept: a new model is covered by naming its layers as T2T names its scopes.
"""

import re
from collections.abc import Mapping

import numpy as np

# A name begins at the body or at a modality; what comes before depends on the version and the number of devices.
_BEGINNING = re.compile(r"body|\w+_modality\w*")
# Where a body begins that has no scope "body": that of T2T's models with a `body_sharded`.
_BODY = re.compile(r"encoder|decoder|layer_\d+|layer_prepostprocess|target_space_embedding")
# Scopes that T2T opens or not, by version and number of devices, and parts of our paths that T2T has no scope for.
_IGNORED = re.compile(r"parallel_\d+(_\d+)?|model|dense_relu_dense|conv_hidden_relu|group_norm|table")
_OURS_ALONE = ("dense_relu_dense", "group_norm", "table")
_TWICE = re.compile(r"\w+_modality\w*|f")  # modalities' functions, and functions of reversible layers
_RENAMED = {"q_transform": "q"}
_SHARD = re.compile(r"(?P<table>.*/weights)_(?P<number>\d+)")
# One matrix for several projections: older versions' attention.
_FUSED = {scope + suffix: parts for scope, parts in {"qkv": "qkv", "kv": "kv"}.items() for suffix in ("", "_transform")}


def canonical_name(name: str) -> str:
    """A variable's name without what comes and goes.

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
    """A canonical name whose modality does not say its sizes: `symbol_modality_33708_512` is `symbol_modality`."""
    return re.sub(r"(_modality)(_\d+)+", r"\1", name)


def t2t_name(path: str) -> str:
    """The name T2T gives to the variable of this path: a layer named as the one that holds it opens no scope, unless
    T2T has that scope twice too.
    """
    scopes = [scope for scope in path.split("/") if scope not in _OURS_ALONE]
    pairs = zip(scopes, ["", *scopes], strict=False)
    return "/".join(scope for scope, last in pairs if scope != last or _TWICE.fullmatch(scope))


def t2t_array(name: str, array: np.ndarray) -> np.ndarray:
    """The array in the shape T2T gives it: its convolutions over a sequence are of two dimensions, one of them 1.

    Those lie in scopes `..._single` or `conv2d`; a dense layer stands for one of width 1.
    """
    if not re.search(r"(_single|conv2d(_\d+)?)/\w*kernel$", name) or array.ndim > 3:
        return array
    return array[:, None] if array.ndim == 3 else array[None, None]


def join_shards(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """`weights_0`, `weights_1`, ... joined along the first axis as `weights_*`; other arrays as they are."""
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
    """The other way: a symbol table as T2T stores it, the larger shards first; other arrays as they are."""
    if not re.search(r"symbol_modality\w*/(.*/)?weights$", name):
        return {name: array}
    return {f"{name}_{i}": part for i, part in enumerate(np.array_split(array, shards))}


def split_fused(
    arrays: Mapping[str, tuple[str, np.ndarray]], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[str, np.ndarray]]:
    """Splits `qkv_transform/kernel` and `kv_transform/kernel` by column where the model has the parts.

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
