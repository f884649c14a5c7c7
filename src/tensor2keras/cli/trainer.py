"""Trains a model on a problem, and evaluates it as it goes.

  t2t-trainer --generate_data --problem=translate_ende_numbers --model=transformer --hparams_set=transformer_tiny \\
      --data_dir=~/t2t_data --output_dir=~/t2t_train/numbers --train_steps=2000

Killed at any moment, the same command goes on where the last checkpoint was saved.
"""

import sys
from collections.abc import Sequence
from types import SimpleNamespace

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-trainer"
SCHEDULES = ("continuous_train_and_eval", "train_and_evaluate", "train", "evaluate", "evaluate_on_train_data", "test")


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    return common.run(PROGRAM, __doc__, define_flags, run, argv)


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds Tensor2Tensor's training flags, with its defaults."""
    common.define_common_flags(flags)
    kinds = {
        bool: absl_flags.DEFINE_bool,
        int: absl_flags.DEFINE_integer,
        float: absl_flags.DEFINE_float,
        str: absl_flags.DEFINE_string,
    }
    for heading, group in _FLAGS.items():
        for name, (kind, default, text) in group.items():
            kinds[kind](name, default, text, flag_values=flags, module_name=heading)
    absl_flags.DEFINE_enum(
        "schedule", SCHEDULES[0], SCHEDULES, "What to do.", flag_values=flags, module_name="Training"
    )


_FLAGS = {
    "Training": {
        "generate_data": (bool, False, "Generate the problem's data first, unless they are there."),
        "approx_vocab_size": (
            int,
            None,
            "Subwords to make of your own files (text2text_tmpdir, ...); 32768 by default.",
        ),
        "train_steps": (int, 250000, "Updates to train for, counted from the very beginning."),
        "random_seed": (int, None, "Decides initial weights, dropout and the order of the data."),
        "warm_start_from": (str, None, "Begin with the weights of this checkpoint or output_dir, ours or T2T's."),
        "log_step_count_steps": (int, 100, "Steps between two lines of progress."),
    },
    "Evaluation": {
        "eval_steps": (int, 100, "Batches of one evaluation; 0 takes all."),
        "local_eval_frequency": (int, 1000, "Steps between evaluations."),
        "eval_use_test_set": (bool, False, "Evaluate on the test split instead of validation."),
        "eval_early_stopping_steps": (int, None, "Stop when the metric has not improved for so many steps."),
        "eval_early_stopping_metric": (str, "loss", "The metric that early stopping watches."),
        "eval_early_stopping_metric_delta": (float, 0.1, "The smallest change that counts as an improvement."),
        "eval_early_stopping_metric_minimize": (bool, True, "Whether the metric should fall."),
    },
    "Checkpoints": {
        "save_checkpoints_steps": (
            int,
            None,
            "Steps between checkpoints; without it every local_eval_frequency steps.",
        ),
        "save_checkpoints_secs": (int, 0, "Seconds between checkpoints; 0 counts steps instead."),
        "keep_checkpoint_max": (
            int,
            20,
            "How many of the newest checkpoints to keep (the best stays too); 0 keeps all.",
        ),
    },
    "Devices": {
        "worker_gpu": (int, 1, "How many GPUs to train on; batch_size counts tokens on each."),
        "locally_shard_to_cpu": (
            bool,
            False,
            "Take logical CPU devices in place of GPUs, to try a sharded run anywhere.",
        ),
        "xla_compile": (bool, None, "Compile with XLA; by default on accelerators only."),
        "inter_op_parallelism_threads": (int, 0, "Operations that run at once on the CPU; 0 leaves it to TensorFlow."),
        "intra_op_parallelism_threads": (int, 0, "Threads of one operation on the CPU; 0 leaves it to TensorFlow."),
    },
}


def run(args: SimpleNamespace) -> int:
    """Generates the data if asked, then trains."""
    common.require(args, "problem", "model", "hparams_set", "data_dir", "output_dir")
    _set_threads(args.inter_op_parallelism_threads, args.intra_op_parallelism_threads)
    common.load_tensorflow()
    from tensor2keras import registry, training

    problem = common.problem(args)
    registry.models[args.model]  # an unknown name is told before data are generated
    if args.generate_data:
        problem.generate_data()
    hparams = registry.hparams(args.hparams_set, problem, common.overrides(args))
    training.train_and_evaluate(
        problem,
        args.model,
        hparams,
        args.output_dir,
        train_steps=args.train_steps,
        eval_steps=args.eval_steps,
        eval_every=args.local_eval_frequency,
        save_checkpoints_steps=args.save_checkpoints_steps,
        save_checkpoints_secs=args.save_checkpoints_secs,
        keep_checkpoint_max=args.keep_checkpoint_max,
        random_seed=args.random_seed,
        warm_start_from=args.warm_start_from,
        early_stopping_steps=args.eval_early_stopping_steps,
        early_stopping_metric=args.eval_early_stopping_metric,
        early_stopping_delta=args.eval_early_stopping_metric_delta,
        early_stopping_minimize=args.eval_early_stopping_metric_minimize,
        eval_use_test_set=args.eval_use_test_set,
        worker_gpu=args.worker_gpu,
        locally_shard_to_cpu=args.locally_shard_to_cpu,
        schedule=args.schedule,
        log_steps=args.log_step_count_steps,
        xla=args.xla_compile,
        hparams_set=args.hparams_set,
        flags=args.given,
    )
    return 0


def _set_threads(inter_op: int, intra_op: int) -> None:
    if inter_op or intra_op:
        import tensorflow as tf

        tf.config.threading.set_inter_op_parallelism_threads(inter_op)
        tf.config.threading.set_intra_op_parallelism_threads(intra_op)


if __name__ == "__main__":
    sys.exit(main())
