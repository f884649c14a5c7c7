"""Training speed of an encoder-decoder against PyTorch's `nn.Transformer` at equal size, interleaved in one run.

    pip install ".[bench]"
    python benchmarks/train_seq2seq.py [--rounds 10] [--steps 3] [--no_peer]

Both: 4 + 4 layers, width 256, feed-forward 1024, 4 heads, vocabulary 8192, one embedding for inputs, targets and
softmax, dropout 0.1, label smoothing 0.1, Adam; batches of 64 pairs of 32 tokens. tensor2keras runs on TensorFlow
without XLA, as `fit` does on a CPU. Prints seconds a step (median and fastest of the rounds) and target tokens a second
of the median.
"""

import argparse
import os
import statistics
from collections.abc import Callable

import numpy as np

from side_by_side import compare

BATCH, LENGTH, VOCABULARY, WIDTH, FILTER, HEADS, LAYERS = 64, 32, 8192, 256, 1024, 4, 4


def batch() -> tuple[np.ndarray, np.ndarray]:
    """Ids of inputs and targets, [batch, length]."""
    random = np.random.default_rng(0)
    return tuple(random.integers(2, VOCABULARY, (BATCH, LENGTH)).astype("int32") for _ in range(2))


def ours(steps: int) -> Callable[[], float]:
    """A function that trains for `steps` steps and returns the loss."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import tensorflow as tf

    from tensor2keras import registry

    symbol = {"modality": "symbol", "vocab_size": VOCABULARY}
    problem = {"name": "benchmark", "features": {"inputs": symbol, "targets": symbol}, "target_space_id": 0}
    size = {"hidden_size": WIDTH, "filter_size": FILTER, "num_heads": HEADS, "num_hidden_layers": LAYERS}
    model = registry.model("transformer", registry.hparams("transformer_base", problem=problem, overrides=size))
    model.compile(jit_compile=False)
    model.build()
    model.optimizer.build(model.trainable_variables)
    inputs, targets = map(tf.constant, batch())
    weights = tf.fill([BATCH, LENGTH], 1.0 / (BATCH * LENGTH))
    data = tf.data.Dataset.from_tensors(({"inputs": inputs, "targets": targets}, targets, weights)).repeat()
    iterator = iter(data)
    train = model.make_train_function() or model.train_function  # the step that `fit` runs

    def run() -> float:
        for _ in range(steps):
            logs = train(iterator)
        return float(logs["loss"])

    return run


def torch_transformer(steps: int) -> Callable[[], float]:
    """The same for `torch.nn.Transformer`."""
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, WIDTH)
            nn.init.normal_(self.embedding.weight, std=WIDTH**-0.5)
            self.transformer = nn.Transformer(
                WIDTH, HEADS, LAYERS, LAYERS, FILTER, dropout=0.1, batch_first=True, norm_first=True
            )
            position = torch.arange(LENGTH)[:, None] * torch.exp(
                torch.arange(WIDTH // 2) * -(np.log(1e4) / (WIDTH // 2 - 1))
            )
            self.register_buffer("position", torch.cat([position.sin(), position.cos()], 1))
            self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(LENGTH))
            self.dropout = nn.Dropout(0.1)

        def embed(self, ids):
            return self.dropout(self.embedding(ids) * WIDTH**0.5 + self.position)

        def forward(self, inputs, targets):
            shifted = nn.functional.pad(targets[:, :-1], (1, 0))
            output = self.transformer(
                self.embed(inputs), self.embed(shifted), tgt_mask=self.mask, tgt_is_causal=True,
                src_key_padding_mask=inputs == 0, memory_key_padding_mask=inputs == 0,
            )  # fmt: skip
            return output @ self.embedding.weight.T

    model = Model().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.997), eps=1e-9)
    inputs, targets = (torch.from_numpy(ids).long() for ids in batch())

    def run() -> float:
        for _ in range(steps):
            optimizer.zero_grad()
            logits = model(inputs, targets)
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), label_smoothing=0.1)
            loss.backward()
            optimizer.step()
        return float(loss)

    return run


def main() -> None:
    """Times both, turn by turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=3, help="steps a round")
    parser.add_argument("--no_peer", action="store_true", help="without PyTorch")
    args = parser.parse_args()
    makers = {"tensor2keras": (ours, args.steps)} | (
        {} if args.no_peer else {"pytorch": (torch_transformer, args.steps)}
    )
    results = compare(makers, args.rounds)
    for name, (first, seconds, _) in results.items():
        step, fastest = statistics.median(seconds) / args.steps, min(seconds) / args.steps
        print(
            f"{name:<13} {step:6.3f} s/step (fastest {fastest:.3f})  {BATCH * LENGTH / step:6.0f} tokens/s  "
            f"first {args.steps} steps {first:.1f} s"
        )
    if len(results) == 2:
        mine, peers = (statistics.median(seconds) for _, seconds, _ in results.values())
        print(f"tensor2keras has {peers / mine:.2f} times PyTorch's tokens a second")


if __name__ == "__main__":
    main()
