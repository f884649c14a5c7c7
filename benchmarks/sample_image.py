"""Time to generate one value of an image, by the size of the image and the kind of attention.

    python benchmarks/sample_image.py [--sizes 8 16 32] [--rounds 3] [--again]

imagetransformer of 4 layers, width 128, 4 heads, blocks of 64 values, random weights; batches of 4 images by class.
With local attention the cache holds two blocks, and a value costs the same in an image of any size; with `global`
attention the cache holds the whole image. `--again` adds T2T's way: the whole model runs again for each value (only the
first 50 values are generated, at the size of the whole image).

Prints microseconds a value (all 4 images), the median of the rounds, and the keys in a layer's cache.
"""

import argparse
import statistics
import time
from typing import Any

import numpy as np

BATCH = 4


def make_model(kind: str, size: int) -> Any:
    """Returns the model for images of `size` x `size`."""
    from tensor2keras import registry

    features = {
        "inputs": {"modality": "class_label", "vocab_size": 10},
        "targets": {"modality": "image", "vocab_size": 256},
    }
    small = {
        "hidden_size": 128,
        "filter_size": 256,
        "num_heads": 4,
        "num_decoder_layers": 4,
        "block_length": 64,
        "dec_attention_type": kind,
        "img_len": size,
    }
    problem = {"name": "benchmark", "features": features}
    hparams_set = "imagetransformer_base"
    if kind == "local_2d":
        hparams_set, small["query_shape"], small["memory_flange"] = "imagetransformer2d_base", (8, 8), (8, 8)
    model = registry.model("imagetransformer", registry.hparams(hparams_set, problem=problem, overrides=small))
    model.build()
    return model


def seconds_of(call: Any, rounds: int) -> float:
    """Returns the median time of a call after the first."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def with_cache(model: Any) -> Any:
    """Returns a function that generates the batch."""
    labels = np.arange(BATCH, dtype="int32")
    return lambda: model.infer({"inputs": labels}, sampling_method="random", seed=0)["outputs"]


def without_cache(model: Any, values: int) -> Any:
    """Returns a function that runs the whole model for each of the first `values` values, as T2T does."""
    import keras

    from tensor2keras.backend import compiled

    height, width, channels = model.image_shape
    labels = keras.ops.convert_to_tensor(np.arange(BATCH, dtype="int32"))
    run = compiled(model, lambda image: model({"inputs": labels, "targets": image}))

    def generate() -> None:
        image = np.zeros((BATCH, height, width, channels), "int32")
        for value in range(values):
            logits = keras.ops.convert_to_numpy(run(keras.ops.convert_to_tensor(image)))
            image.reshape(BATCH, -1)[:, value] = logits.reshape(BATCH, -1, 256)[:, value].argmax(-1)

    return generate


def main() -> None:
    """Prints a line for each kind and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--kinds", nargs="+", default=["local_1d", "local_2d", "global"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--again", action="store_true", help="also the whole model again for each value")
    args = parser.parse_args()
    for kind in args.kinds:
        for size in args.sizes:
            model = make_model(kind, size)
            values = size * size * 3
            keys = model.init_cache({"inputs": np.zeros(1, "int32")}, values)["decoder_layer_0"]["self"]["k"].shape[2]
            cost = 1e6 * seconds_of(with_cache(model), args.rounds) / values
            line = f"{kind:<9} {size:>3} x {size:<3} {values:>6} values  {cost:8.0f} us a value  {keys:>6} keys cached"
            if args.again:
                again = 1e6 * seconds_of(without_cache(model, 50), 1) / 50
                line += f"  whole model again: {again:8.0f} us a value"
            print(line, flush=True)


if __name__ == "__main__":
    main()
