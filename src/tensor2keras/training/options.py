"""Training options: the arguments of `train_and_evaluate` and flags of `t2t-trainer`."""

from dataclasses import dataclass
from pathlib import Path

SCHEDULES = {
    "continuous_train_and_eval": "train, evaluating every `eval_every` steps",
    "train_and_evaluate": "the same",
    "train": "train without evaluating",
    "evaluate": "evaluate the newest checkpoint on the validation split",
    "evaluate_on_train_data": "evaluate it on the train split",
    "test": "evaluate it on the test split",
}
EVALUATED_SPLITS = {"evaluate": "validation", "evaluate_on_train_data": "train", "test": "test"}


@dataclass(frozen=True)
class TrainOptions:
    """Options of one training run.

    Args:
        train_steps: updates in total, those before a resume included.
        eval_steps: batches of an evaluation; 0 or less takes the whole split.
        eval_every: steps between evaluations (T2T's `local_eval_frequency`).
        eval_use_test_set: evaluate on "test" instead of "validation".
        save_checkpoints_steps: steps between checkpoints; None: `eval_every`, unless `save_checkpoints_secs` is given.
            Every evaluated step is saved as well.
        save_checkpoints_secs: seconds between checkpoints; 0: count steps instead.
        keep_checkpoint_max: how many of the newest checkpoints are kept, in addition to the best one; 0 keeps all.
        random_seed: seed of initial weights, dropout and the order of the data; None is 0, or the resumed run's.
        warm_start_from: a checkpoint or a run's directory, ours or T2T's, whose weights a new run starts from.
        early_stopping_steps: stop when the metric has not improved for so many steps; None: never.
        early_stopping_metric: name of the metric; what precedes a "/" ("metrics-problem/accuracy") is ignored.
        early_stopping_delta: smallest change that counts as an improvement.
        early_stopping_minimize: whether a smaller metric is better.
        worker_gpu: devices to train on; `batch_size` counts tokens a device.
        locally_shard_to_cpu: use logical CPU devices in place of GPUs.
        schedule: one of `SCHEDULES`.
        log_steps: steps between two lines of progress.
        xla: compile the step with XLA; None: on accelerators, not on CPUs (where it costs more than it saves).

    Raises:
        ValueError: an unknown schedule, or a number of steps that must be positive and is not.
    """

    train_steps: int = 250_000
    eval_steps: int = 100
    eval_every: int = 1000
    eval_use_test_set: bool = False
    save_checkpoints_steps: int | None = None
    save_checkpoints_secs: int = 0
    keep_checkpoint_max: int = 20
    random_seed: int | None = None
    warm_start_from: str | Path | None = None
    early_stopping_steps: int | None = None
    early_stopping_metric: str = "loss"
    early_stopping_delta: float = 0.1
    early_stopping_minimize: bool = True
    worker_gpu: int = 1
    locally_shard_to_cpu: bool = False
    schedule: str = "continuous_train_and_eval"
    log_steps: int = 100
    xla: bool | None = None

    def __post_init__(self):
        if self.schedule not in SCHEDULES:
            raise ValueError(f"unknown schedule {self.schedule!r}; known: {', '.join(SCHEDULES)}")
        for name in ("eval_every", "log_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1")

    @property
    def evaluates(self) -> bool:
        """Whether the model is evaluated during training."""
        return self.schedule != "train"

    @property
    def eval_split(self) -> str:
        """The split that evaluations during training read."""
        return "test" if self.eval_use_test_set else "validation"

    @property
    def save_steps(self) -> int:
        """Steps between checkpoints; 0 if only seconds count."""
        return self.save_checkpoints_steps or (0 if self.save_checkpoints_secs else self.eval_every)
