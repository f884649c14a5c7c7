"""hparams stop at a model's door: nothing that a step of training or decoding runs reads them."""

import ast
from collections import defaultdict
from pathlib import Path

import tensor2keras.models

ENTRIES = (
    *("call", "bottom", "body", "top", "build", "build_body", "build_layers", "compute_loss", "compute_metrics"),
    *("infer", "encode", "init_cache", "decode_step"),
)


def methods():
    """{name: the definitions of that name} of all methods of all models."""
    found = defaultdict(list)
    for path in Path(tensor2keras.models.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                for item in node.body:
                    if isinstance(item, ast.FunctionDef):
                        found[item.name].append((f"{path.name}:{node.name}.{item.name}", item))
    return found


def own_attributes(function):
    """The names after `self.` and `super().` in a method."""
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute):
            value = node.value.func if isinstance(node.value, ast.Call) else node.value
            if isinstance(value, ast.Name) and value.id in ("self", "super"):
                yield node.attr


def test_no_call_path_reads_hparams():
    found = methods()
    waiting, seen, readers = list(ENTRIES), set(ENTRIES), []
    while waiting:
        for place, function in found[waiting.pop()]:
            names = set(own_attributes(function))
            if "hparams" in names:
                readers.append(place)
            new = {name for name in names if name in found} - seen
            seen |= new
            waiting.extend(new)
    assert readers == []
    assert {"has_inputs", "decoder_bias", "_add_positions"} <= seen  # the search follows calls and properties
    assert any("hparams" in own_attributes(function) for _, function in found["_decoder_stack"])  # and knows a reader
