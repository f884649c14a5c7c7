"""Training speed of an encoder-decoder against PyTorch's `nn.Transformer` of the same size, interleaved in one run.

    python benchmarks/train_seq2seq.py [--rounds 10] [--steps 3] [--threads N] [--no_peer]

Both: 4 + 4 layers normed first, width 256, feed-forward 1024, 8 heads, one matrix for both embeddings and the softmax,
vocabulary 8192, dropout 0.1 on attention weights, feed-forward and residuals, label smoothing 0.1, Adam, padding and
causal masks; batches of 64 pairs of 32 tokens. A round is some steps of one, then of the other. Prints target tokens a
second of the fastest and of the median round, seconds and CPU seconds a step, parameters, seconds to the end of the
first step, and how many times PyTorch's speed that is. On a busy machine PyTorch's threads wait for each other: take
`--threads 1` and the CPU seconds.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

BATCH, LENGTH, VOCABULARY = 64, 32, 8192
LAYERS, WIDTH, FILTER, HEADS, DROPOUT, SMOOTHING = 4, 256, 1024, 8, 0.1, 0.1

Step = Callable[[np.ndarray, np.ndarray], float]  # (inputs, targets) -> loss


def tensor2keras() -> tuple[Step, int]:
    """A training step as `fit` makes it, and the number of parameters."""
    from tensor2keras import registry

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
    model.compile()
    model.build()
    model.optimizer.build(model.trainable_variables)

    def step(inputs: np.ndarray, targets: np.ndarray) -> float:
        weights = np.full(targets.shape, 1.0 / targets.size, "float32")
        return float(model.train_on_batch({"inputs": inputs, "targets": targets}, targets, weights))

    return step, model.count_params()


def pytorch() -> tuple[Step, int]:
    """The same with PyTorch, eager as its users run it."""
    import torch
    from torch import nn

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

    def step(inputs: np.ndarray, targets: np.ndarray) -> float:
        inputs, targets = (torch.from_numpy(ids).long() for ids in (inputs, targets))
        optimizer.zero_grad(set_to_none=True)
        loss = loss_function(model(inputs, targets).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        return loss.item()

    return step, sum(parameter.numel() for parameter in model.parameters())


def limit_threads(threads: int, peer: bool) -> None:
    """Makes both libraries compute on that many threads; to be called before either computes."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    if peer:
        import torch

        torch.set_num_threads(threads)


def main() -> None:
    """Times both, turn by turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=3, help="steps a round")
    parser.add_argument("--threads", type=int, help="of each library; 1 on a machine that others use too")
    parser.add_argument("--no_peer", action="store_true", help="without PyTorch")
    args = parser.parse_args()
    if args.threads:
        limit_threads(args.threads, peer=not args.no_peer)
    inputs, targets = np.random.default_rng(0).integers(2, VOCABULARY, (2, BATCH, LENGTH)).astype("int32")

    makers = {"tensor2keras": tensor2keras} | ({} if args.no_peer else {"pytorch": pytorch})
    steps, parameters, first = {}, {}, {}
    for name, make in makers.items():
        steps[name], parameters[name] = make()
        start = time.perf_counter()
        steps[name](inputs, targets)
        first[name] = time.perf_counter() - start
    wall: dict[str, list[float]] = {name: [] for name in makers}  # seconds a step, by round
    cpu: dict[str, list[float]] = {name: [] for name in makers}
    for _ in range(args.rounds):
        for name, step in steps.items():
            wall_start, cpu_start = time.perf_counter(), time.process_time()
            for _ in range(args.steps):
                step(inputs, targets)
            wall[name].append((time.perf_counter() - wall_start) / args.steps)
            cpu[name].append((time.process_time() - cpu_start) / args.steps)

    print(f"{'':<13} {'tokens/s':>9} {'(median)':>9} {'step':>8} {'CPU time':>9} {'parameters':>11} {'first step':>11}")
    for name in makers:
        fastest, median = (targets.size / value for value in (min(wall[name]), statistics.median(wall[name])))
        print(
            f"{name:<13} {fastest:9.0f} {median:9.0f} {min(wall[name]):6.2f} s {min(cpu[name]):7.2f} s "
            f"{parameters[name]:11,} {first[name]:9.1f} s"
        )
    if "pytorch" in makers:
        fastest, median, work = (
            function(times["pytorch"]) / function(times["tensor2keras"])
            for function, times in ((min, wall), (statistics.median, wall), (min, cpu))
        )
        print(f"{'times PyTorch':<13} {fastest:9.2f} {median:9.2f} {'':8} {work:7.2f}")


if __name__ == "__main__":
    main()
