"""Memory of a training step of `revnet` by depth, with activations recomputed and, for comparison, kept.

    KERAS_BACKEND=tensorflow python benchmarks/memory_revnet.py [--depths 2 8 32] [--batch 64]

One stage of reversible blocks of 32 + 32 channels on 32 x 32 pixels. Each figure is the growth of peak resident memory
in two steps, minus the growth with a batch of one (the program itself, larger for a deeper network); each run is a
process of its own.
"""

import argparse
import os
import resource
import subprocess
import sys

import numpy as np


def measure(depth: int, batch: int, keep: bool) -> float:
    """Returns the MB of two training steps; `keep`: activations are kept, as in any network."""
    import keras

    from tensor2keras import registry
    from tensor2keras.layers.reversible import ReversibleBlock

    if keep:

        def plain(self: ReversibleBlock, x1, x2, training: bool = False):
            for f, g in zip(self.functions[::2], self.functions[1::2], strict=True):
                x1 = x1 + f(x2, training=training)
                x2 = x2 + g(x1, training=training)
            return x1, x2

        ReversibleBlock.call = plain
    inputs = {"modality": "image", "vocab_size": 256, "shape": (32, 32, 3)}
    features = {"inputs": inputs, "targets": {"modality": "class_label", "vocab_size": 10}}
    overrides = {
        "num_channels": [32],
        "num_layers_per_block": [depth],
        "strides": [1],
        "first_batch_norm": [True],
        "num_channels_init_block": 64,
    }
    hparams = registry.hparams("revnet_38_cifar", {"name": "memory", "features": features}, overrides)
    model = registry.model("revnet", hparams)
    model.compile(optimizer=keras.optimizers.SGD(0.01))
    model.build()
    model.optimizer.build(model.trainable_variables)
    random = np.random.default_rng(0)
    images = random.normal(size=(batch, 32, 32, 3)).astype("float32")
    labels = random.integers(0, 10, batch).astype("int32")
    weights = np.full(batch, 1 / batch, "float32")
    before = peak()
    for _ in range(2):
        model.train_on_batch({"inputs": images, "targets": labels}, labels, sample_weight=weights)
    return peak() - before


def peak() -> float:
    """Returns the peak resident memory so far in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(depth: int, batch: int, kind: str) -> float:
    """Runs `measure` in a process of its own."""
    command = [sys.executable, __file__, "--batch", str(batch), "--one", str(depth), kind]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(result.stdout.split()[-1])


def main() -> None:
    """Measures each depth in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depths", type=int, nargs="+", default=[2, 8, 32], help="pairs of functions")
    parser.add_argument("--batch", type=int, default=64, help="images a step")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)  # depth, and whether to keep
    args = parser.parse_args()
    if args.one:
        print(measure(int(args.one[0]), args.batch, args.one[1] == "kept"))
        return
    print(f"{'pairs':>6} {'recomputed':>10} {'kept':>10}   ({os.environ.get('KERAS_BACKEND', 'tensorflow')})")
    for depth in args.depths:
        figures = []
        for kind in ("recomputed", "kept"):
            whole, program = (run(depth, batch, kind) for batch in (args.batch, 1))
            figures.append(whole - program)
        print(f"{depth:6} {figures[0]:7.0f} MB {figures[1]:7.0f} MB", flush=True)


if __name__ == "__main__":
    main()
