"""Trains a model on a problem, and evaluates it at intervals.

  t2t-trainer --generate_data --problem=translate_ende_numbers --model=transformer --hparams_set=transformer_tiny \\
      --data_dir=~/t2t_data --output_dir=~/t2t_train/numbers --train_steps=2000

After an interruption at any moment, the same command continues at the last checkpoint.
"""

import functools
import sys
from types import SimpleNamespace

from absl import flags as absl_flags

from tensor2keras.cli import common
from tensor2keras.training.options import NOT_NEGATIVE, SCHEDULES, TrainOptions

PROGRAM = "t2t-trainer"
_DEFINE = {
    bool: absl_flags.DEFINE_bool,
    int: absl_flags.DEFINE_integer,
    float: absl_flags.DEFINE_float,
    str: absl_flags.DEFINE_string,
}

# heading: {flag: (field of TrainOptions, type, help)}; the defaults are TrainOptions's.
# fmt: off
_OPTIONS = {
    "Training": {
        "train_steps": ("train_steps", int, "Updates in total, those before a resume included."),
        "random_seed": ("random_seed", int, "Seed of initial weights, dropout and the order of the data."),
        "warm_start_from": (
            "warm_start_from", str, "Start from the weights of this checkpoint or output_dir, ours or T2T's."
        ),
        "log_step_count_steps": ("log_steps", int, "Steps between two lines of progress; 0: never."),
    },
    "Evaluation": {
        "eval_steps": ("eval_steps", int, "Batches of one evaluation; 0 takes all."),
        "local_eval_frequency": ("eval_every", int, "Steps between evaluations; 0: never."),
        "eval_use_test_set": ("eval_use_test_set", bool, "Evaluate on the test split instead of validation."),
        "eval_early_stopping_steps": (
            "early_stopping_steps", int, "Stop when the metric has not improved for so many steps."
        ),
        "eval_early_stopping_metric": ("early_stopping_metric", str, "The metric that early stopping monitors."),
        "eval_early_stopping_metric_delta": (
            "early_stopping_delta", float, "The smallest change that counts as an improvement."
        ),
        "eval_early_stopping_metric_minimize": ("early_stopping_minimize", bool, "Whether a smaller metric is better."),
    },
    "Checkpoints": {
        "save_checkpoints_steps": (
            "save_checkpoints_steps", int, "Steps between checkpoints; 0: never; default: local_eval_frequency."
        ),
        "save_checkpoints_secs": ("save_checkpoints_secs", int, "Seconds between checkpoints; 0 counts steps instead."),
        "keep_checkpoint_max": (
            "keep_checkpoint_max", int, "Newest checkpoints to keep, in addition to the best one; 0 keeps all."
        ),
    },
    "Devices": {
        "worker_gpu": ("worker_gpu", int, "How many GPUs to train on; batch_size counts tokens on each."),
        "locally_shard_to_cpu": (
            "locally_shard_to_cpu", bool, "Use logical CPU devices in place of GPUs, to try a sharded run anywhere."
        ),
        "xla_compile": ("xla", bool, "Compile with XLA; by default on accelerators only."),
    },
}
# fmt: on


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds Tensor2Tensor's training flags, with its defaults."""
    common.define_common_flags(flags)
    training = {"flag_values": flags, "module_name": "Training"}
    devices = {"flag_values": flags, "module_name": "Devices"}
    absl_flags.DEFINE_enum("schedule", TrainOptions.schedule, list(SCHEDULES), "What to do.", **training)
    text = "Generate the problem's data first, if they are missing."
    absl_flags.DEFINE_bool("generate_data", False, text, **training)
    text = "Vocabulary size for your own files (text2text_tmpdir, ...); 32768 by default."
    absl_flags.DEFINE_integer("approx_vocab_size", None, text, **training)
    for heading, group in _OPTIONS.items():
        for name, (field, kind, text) in group.items():
            limits = {"lower_bound": 0} if field in NOT_NEGATIVE else {}
            _DEFINE[kind](name, getattr(TrainOptions, field), text, flag_values=flags, module_name=heading, **limits)
    text = "Operations that run in parallel on the CPU; 0 leaves it to TensorFlow."
    absl_flags.DEFINE_integer("inter_op_parallelism_threads", 0, text, **devices)
    text = "Threads of one operation on the CPU; 0 leaves it to TensorFlow."
    absl_flags.DEFINE_integer("intra_op_parallelism_threads", 0, text, **devices)


def run(args: SimpleNamespace) -> int:
    """Generates the data if asked, then trains."""
    common.require(args, "problem", "model", "hparams_set", "data_dir", "output_dir")
    fields = {field: getattr(args, flag) for group in _OPTIONS.values() for flag, (field, _, _) in group.items()}
    options = TrainOptions(schedule=args.schedule, **fields)
    _set_threads(args.inter_op_parallelism_threads, args.intra_op_parallelism_threads)
    from tensor2keras import registry, training

    problem = common.problem(args)
    registry.models[args.model]  # raises for an unknown name before data are generated
    if args.generate_data:
        if problem.generate_data() is False:
            common.print_line(f"data       {problem.data_dir} (found, not generated)")
    elif args.tmp_dir != common.DEFAULT_TMP_DIR:
        problem.check_sources()
    hparams = registry.hparams(args.hparams_set, problem, common.overrides(args))
    training.train_and_evaluate(
        problem,
        args.model,
        hparams,
        args.output_dir,
        options,
        hparams_set=args.hparams_set,
        flags=args.given,
        report=common.print_line,
    )
    return 0


def _set_threads(inter_op: int, intra_op: int) -> None:
    if inter_op or intra_op:
        import tensorflow as tf

        tf.config.threading.set_inter_op_parallelism_threads(inter_op)
        tf.config.threading.set_intra_op_parallelism_threads(intra_op)


main = functools.partial(common.run, PROGRAM, __doc__, define_flags, run)

if __name__ == "__main__":
    sys.exit(main())
