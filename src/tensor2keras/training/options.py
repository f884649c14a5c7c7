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
NOT_NEGATIVE = (
    "train_steps",
    "eval_every",
    "save_checkpoints_steps",
    "save_checkpoints_secs",
    "keep_checkpoint_max",
    "early_stopping_steps",
    "log_steps",
)
EVALUATED_SPLITS = {"evaluate": "validation", "evaluate_on_train_data": "train", "test": "test"}


@dataclass(frozen=True)
class TrainOptions:
    """Options of one training run.

    Args:
        train_steps: updates in total, those before a resume included.
        eval_steps: batches of an evaluation; 0 or less takes the whole split.
        eval_every: steps between evaluations (T2T's `local_eval_frequency`); 0: never.
        eval_use_test_set: evaluate on "test" instead of "validation".
        save_checkpoints_steps: steps between checkpoints; 0: never; None: `eval_every` (1000 if that is 0), unless
            `save_checkpoints_secs` is given. Every evaluated step and the last one are saved as well.
        save_checkpoints_secs: seconds between checkpoints; 0: count steps instead.
        keep_checkpoint_max: how many of the newest checkpoints are kept, in addition to the best one; 0 keeps all.
        random_seed: seed of initial weights, dropout and the order of the data; None is 0, or the resumed run's.
        warm_start_from: a checkpoint or a run's directory, ours or T2T's, whose weights a new run starts from.
        early_stopping_steps: stop when the metric has not improved for so many steps; None or 0: never.
        early_stopping_metric: name of the metric; what precedes a "/" ("metrics-problem/accuracy") is ignored.
        early_stopping_delta: smallest change that counts as an improvement.
        early_stopping_minimize: whether a smaller metric is better.
        worker_gpu: devices to train on; `batch_size` counts tokens a device.
        locally_shard_to_cpu: use logical CPU devices in place of GPUs.
        schedule: one of `SCHEDULES`.
        log_steps: steps between two lines of progress; 0: never.
        xla: compile the step with XLA; None: on accelerators, not on CPUs (where it costs more than it saves).

    Raises:
        ValueError: an unknown schedule, or a negative number of steps, seconds or checkpoints.
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
        for name in NOT_NEGATIVE:
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"{name}={getattr(self, name)} must not be negative")

    @property
    def evaluates(self) -> bool:
        """Whether the model is evaluated during training."""
        return self.schedule != "train" and self.eval_every > 0

    def evaluates_at(self, step: int) -> bool:
        """Returns whether the model is evaluated at a step: every `eval_every` steps and at the last one."""
        return self.evaluates and (step % self.eval_every == 0 or step >= self.train_steps)

    @property
    def eval_split(self) -> str:
        """The split that evaluations during training read."""
        return "test" if self.eval_use_test_set else "validation"

    @property
    def save_steps(self) -> int:
        """Steps between checkpoints; 0 if they are not counted."""
        if self.save_checkpoints_steps is None:
            return 0 if self.save_checkpoints_secs else self.eval_every or TrainOptions.eval_every
        return self.save_checkpoints_steps
