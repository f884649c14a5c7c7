"""Trains a translator of number words with plain Keras calls, then translates three numbers.

python examples/translate_numbers.py [--steps=800] [--data_dir=t2t_data]
"""

import argparse

import tensor2keras
from tensor2keras import registry


def main() -> None:
    """Generates the data, trains, and prints translations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--data_dir", default="t2t_data")
    args = parser.parse_args()

    problem = registry.problem("translate_ende_numbers", data_dir=args.data_dir)
    problem.generate_data()
    hparams = registry.hparams("transformer_numbers", problem=problem)
    hparams.add_hparam("train_steps", args.steps)  # the learning rate decays to 0 at the last one

    model = registry.model("transformer", hparams)
    model.compile()
    epochs = max(args.steps // 200, 1)
    model.fit(problem.dataset("train", hparams), steps_per_epoch=args.steps // epochs, epochs=epochs)
    model.evaluate(problem.dataset("validation", hparams))

    numbers = ["forty-two", "seven hundred sixty-one", "nine hundred ninety-nine thousand one"]
    for number, german in zip(numbers, tensor2keras.decode(model, problem, numbers, beam_size=4), strict=True):
        print(f"{number} -> {german}")


if __name__ == "__main__":
    main()
