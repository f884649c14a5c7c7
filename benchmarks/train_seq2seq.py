"""Training speed of an encoder-decoder against PyTorch's `nn.Transformer` of the same size, interleaved in one run.

    pip install ".[bench]"
    python benchmarks/train_seq2seq.py [--rounds 10] [--steps 3] [--threads N] [--no_peer]

Both: 4 + 4 layers normed first, width 256, feed-forward 1024, 8 heads, one matrix for both embeddings and the softmax,
vocabulary 8192, dropout 0.1 on attention weights, feed-forward and residuals, label smoothing 0.1, Adam, padding and
causal masks; batches of 64 pairs of 32 tokens. tensor2keras runs on TensorFlow without XLA, as `fit` does on a CPU. A
round is some steps of one, then of the other, each in its own process. Prints target tokens a second of the fastest
and of the median round, seconds and CPU seconds a step, parameters, seconds of the first round, and the speed relative
to PyTorch. On a busy machine PyTorch's threads wait for each other: use `--threads 1` and compare the CPU time.
"""

import argparse
import os

import numpy as np

from side_by_side import Round, compare, limit_tensorflow_threads, repeat, report

BATCH, LENGTH, VOCABULARY = 64, 32, 8192
LAYERS, WIDTH, FILTER, HEADS, DROPOUT, SMOOTHING = 4, 256, 1024, 8, 0.1, 0.1


def batch() -> tuple[np.ndarray, np.ndarray]:
    """Ids of inputs and targets, [batch, length]."""
    inputs, targets = np.random.default_rng(0).integers(2, VOCABULARY, (2, BATCH, LENGTH)).astype("int32")
    return inputs, targets


def tensor2keras(steps: int, threads: int | None) -> Round:
    """Trains as `fit` does."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from tensor2keras import registry

    limit_tensorflow_threads(threads)

    symbol = {"modality": "symbol", "vocab_size": VOCABULARY}
    problem = {"name": "benchmark", "features": {"inputs": symbol, "targets": symbol}, "target_space_id": 0}
    overrides = {
        "hidden_size": WIDTH,
        "filter_size": FILTER,
        "num_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "attention_dropout": DROPOUT,
        "relu_dropout": DROPOUT,
        "layer_prepostprocess_dropout": DROPOUT,
        "label_smoothing": SMOOTHING,
        "learning_rate_schedule": "constant",
        "learning_rate_constant": 1e-4,
    }
    model = registry.model("transformer", registry.hparams("transformer_base", problem=problem, overrides=overrides))
    model.compile(training_metrics=False)
    model.build()
    model.optimizer.build(model.trainable_variables)

    inputs, targets = batch()
    weights = np.full(targets.shape, 1.0 / targets.size, "float32")
    data = ({"inputs": inputs, "targets": targets}, targets, weights)
    return repeat(lambda: float(model.train_on_batch(*data)), steps, model.count_params())


def pytorch(steps: int, threads: int | None) -> Round:
    """The same with PyTorch, eager as its users run it."""
    import torch
    from torch import nn

    if threads:
        torch.set_num_threads(threads)

    class Translator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, WIDTH)
            nn.init.normal_(self.embedding.weight, std=WIDTH**-0.5)
            self.transformer = nn.Transformer(
                WIDTH, HEADS, LAYERS, LAYERS, FILTER, DROPOUT, batch_first=True, norm_first=True
            )
            self.dropout = nn.Dropout(DROPOUT)
            rates = torch.exp(-np.log(1e4) * torch.arange(WIDTH // 2) / (WIDTH // 2 - 1))
            angles = torch.arange(LENGTH)[:, None] * rates
            self.register_buffer("timing", torch.cat([angles.sin(), angles.cos()], dim=1))
            self.register_buffer("causal", torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1))

        def embed(self, ids: torch.Tensor) -> torch.Tensor:
            return self.dropout(self.embedding(ids) * WIDTH**0.5 + self.timing)

        def forward(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            shifted = nn.functional.pad(targets, (1, 0))[:, :-1]
            padding = inputs == 0
            output = self.transformer(
                self.embed(inputs),
                self.embed(shifted),
                tgt_mask=self.causal,
                src_key_padding_mask=padding,
                memory_key_padding_mask=padding,
                tgt_is_causal=True,
            )
            return output @ self.embedding.weight.T

    model = Translator().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.997), eps=1e-9)
    loss_function = nn.CrossEntropyLoss(label_smoothing=SMOOTHING, ignore_index=0)

    inputs, targets = (torch.from_numpy(ids).long() for ids in batch())

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_function(model(inputs, targets).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        return loss.item()

    return repeat(step, steps, sum(parameter.numel() for parameter in model.parameters()))


def main() -> None:
    """Times both in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=3, help="steps a round")
    parser.add_argument("--threads", type=int, help="of each library; 1 on a machine that others use too")
    parser.add_argument("--no_peer", action="store_true", help="without PyTorch")
    args = parser.parse_args()
    makers = (tensor2keras,) if args.no_peer else (tensor2keras, pytorch)
    results = compare({make.__name__: (make, args.steps, args.threads) for make in makers}, args.rounds)
    report(results, args.steps, "tokens", BATCH * LENGTH)


if __name__ == "__main__":
    main()
