"""Training speed of `shakeshake_small` on CIFAR-10's size against the same network in PyTorch, interleaved in one run.

    pip install ".[bench]"
    python benchmarks/train_image.py [--rounds 5] [--steps 2] [--batch 128] [--threads N] [--no_peer]

Both: 26 layers, 2 x 32d, batch norms, convolutions with biases, branches mixed by random noise for each image and both
directions, Momentum 0.9 with weight decay 1e-4; batches of 32 x 32 x 3. tensor2keras runs on TensorFlow without XLA, as
`fit` does on a CPU; PyTorch is eager, its images channels last or channels first, whichever is faster here.
A round is some steps of one, then of the other, each in its own process. Prints images a second of the fastest and of
the median round, seconds and CPU seconds a step, parameters, seconds of the first round, and the speed relative to
PyTorch. On a busy machine PyTorch's threads wait for each other: use `--threads 1` and compare the CPU time.
"""

import argparse
import os
import time
from collections.abc import Callable

import numpy as np

from side_by_side import Round, compare, limit_tensorflow_threads, repeat, report

SIZE, CLASSES, WIDTH, BLOCKS = 32, 10, 32, 4


def examples(batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Images [batch, 32, 32, 3] and labels [batch]."""
    random = np.random.default_rng(0)
    images = random.normal(size=(batch, SIZE, SIZE, 3)).astype("float32")
    return images, random.integers(0, CLASSES, batch).astype("int32")


def tensor2keras(steps: int, batch: int, threads: int | None) -> Round:
    """Trains as `fit` does."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from tensor2keras import registry

    limit_tensorflow_threads(threads)

    inputs = {"modality": "image", "vocab_size": 256, "shape": (SIZE, SIZE, 3)}
    features = {"inputs": inputs, "targets": {"modality": "class_label", "vocab_size": CLASSES}}
    problem = {"name": "benchmark", "features": features, "loss_multiplier": 1.0}
    model = registry.model("shake_shake", registry.hparams("shakeshake_small", problem=problem))
    model.compile(training_metrics=False)
    model.build()
    model.optimizer.build(model.trainable_variables)

    images, labels = examples(batch)
    data = ({"inputs": images, "targets": labels}, labels, np.full(batch, 1 / batch, "float32"))
    parameters = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    return repeat(lambda: float(model.train_on_batch(*data)), steps, parameters)


def pytorch(steps: int, batch: int, threads: int | None) -> Round:
    """The same with PyTorch, eager as its users run it."""
    import torch
    from torch import nn
    from torch.nn import functional

    if threads:
        torch.set_num_threads(threads)

    def branch(channels: int, filters: int, stride: int) -> nn.Module:
        return nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, filters, 3, stride, padding=1),
            nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=1),
            nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01),
        )

    class Block(nn.Module):
        def __init__(self, channels: int, filters: int, stride: int) -> None:
            super().__init__()
            self.stride, self.projects = stride, channels != filters
            self.branches = nn.ModuleList([branch(channels, filters, stride) for _ in range(2)])
            if self.projects:
                self.paths = nn.ModuleList([nn.Conv2d(channels, filters // 2, 1) for _ in range(2)])
                self.norm = nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01)

        def path(self, x: torch.Tensor) -> torch.Tensor:
            if not self.projects:
                return x
            shifted = functional.pad(x, (0, 1, 0, 1))[:, :, 1 :: self.stride, 1 :: self.stride]
            halves = self.paths[0](x[:, :, :: self.stride, :: self.stride]), self.paths[1](shifted)
            return self.norm(torch.cat(halves, dim=1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            total = self.path(x)
            noise = torch.rand(2, 2, len(x), 1, 1, 1)
            ahead, back = noise / noise.sum(1, keepdim=True)
            for i, module in enumerate(self.branches):
                y = module(x)
                total = total + y * back[i] + (y * (ahead[i] - back[i])).detach()
            return total

    def network() -> nn.Module:
        layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16, eps=1e-3, momentum=0.01)]
        channels = 16
        for stage in range(3):
            for i in range(BLOCKS):
                layers.append(Block(channels, WIDTH * 2**stage, 2 if stage and not i else 1))
                channels = WIDTH * 2**stage
        return nn.Sequential(*layers, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))

    images, labels = examples(batch)

    def trainer(layout: torch.memory_format) -> tuple[Callable[[], float], int]:
        model = network().train().to(memory_format=layout)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, weight_decay=1e-4)
        inputs = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=layout)
        targets = torch.from_numpy(labels).long()

        def step() -> float:
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            return loss.item()

        return step, sum(parameter.numel() for parameter in model.parameters())

    def seconds(step: Callable[[], float]) -> float:
        step()
        start = time.perf_counter()
        step()
        return time.perf_counter() - start

    trainers = [trainer(layout) for layout in (torch.channels_last, torch.contiguous_format)]
    step, parameters = min(trainers, key=lambda pair: seconds(pair[0]))
    return repeat(step, steps, parameters)


def main() -> None:
    """Times both in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="steps a round")
    parser.add_argument("--batch", type=int, default=128, help="images a step")
    parser.add_argument("--threads", type=int, help="of each library; 1 on a machine that others use too")
    parser.add_argument("--no_peer", action="store_true", help="without PyTorch")
    args = parser.parse_args()
    makers = (tensor2keras,) if args.no_peer else (tensor2keras, pytorch)
    arguments = (args.steps, args.batch, args.threads)
    results = compare({make.__name__: (make, *arguments) for make in makers}, args.rounds)
    report(results, args.steps, "images", args.batch)


if __name__ == "__main__":
    main()
