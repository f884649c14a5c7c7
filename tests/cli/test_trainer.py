import dataclasses

import pytest
from absl import flags as absl_flags

from tensor2keras import training
from tensor2keras.cli import common, trainer

# Frozen: Tensor2Tensor's names and defaults. A flag may be added, none may go or change.
FLAGS = {
    "problem": None,
    "model": None,
    "hparams_set": None,
    "hparams": "",
    "data_dir": None,
    "tmp_dir": "/tmp/t2t_datagen",
    "output_dir": "",
    "t2t_usr_dir": "",
    "registry_help": False,
    "schedule": "continuous_train_and_eval",
    "generate_data": False,
    "approx_vocab_size": None,
    "train_steps": 250000,
    "random_seed": None,
    "warm_start_from": None,
    "log_step_count_steps": 100,
    "eval_steps": 100,
    "local_eval_frequency": 1000,
    "eval_use_test_set": False,
    "eval_early_stopping_steps": None,
    "eval_early_stopping_metric": "loss",
    "eval_early_stopping_metric_delta": 0.1,
    "eval_early_stopping_metric_minimize": True,
    "save_checkpoints_steps": None,
    "save_checkpoints_secs": 0,
    "keep_checkpoint_max": 20,
    "worker_gpu": 1,
    "locally_shard_to_cpu": False,
    "xla_compile": None,
    "inter_op_parallelism_threads": 0,
    "intra_op_parallelism_threads": 0,
    "debug": False,
    "version": False,
}

# The rest of what Tensor2Tensor's t2t-trainer took.
IGNORED = [
    "autotune_maximize",
    "autotune_max_trials",
    "autotune_objective",
    "autotune_parallel_trials",
    "cloud_mlengine",
    "cloud_mlengine_master_type",
    "cloud_tpu_name",
    "dbgprofile",
    "decode_from_file",
    "decode_hparams",
    "decode_reference",
    "decode_to_file",
    "enable_graph_rewriter",
    "eval_run_autoregressive",
    "eval_throttle_seconds",
    "eval_timeout_mins",
    "export_saved_model",
    "export_saved_model_api_version",
    "gpu_automatic_mixed_precision",
    "gpu_order",
    "hparams_range",
    "iterations_per_loop",
    "job_dir",
    "keep_checkpoint_every_n_hours",
    "log_device_placement",
    "master",
    "optionally_use_dist_strat",
    "profile",
    "ps_gpu",
    "ps_job",
    "ps_replicas",
    "std_server_protocol",
    "sync",
    "tfdbg",
    "tpu_infeed_sleep_secs",
    "tpu_job_name",
    "tpu_num_shards",
    "use_guarantee_const_getter",
    "use_tpu",
    "use_tpu_estimator",
    "worker_gpu_memory_fraction",
    "worker_id",
    "worker_job",
    "worker_replicas",
    "xla_jit_level",
]


def test_flag_names_and_defaults_are_frozen():
    flags = absl_flags.FlagValues()
    trainer.define_flags(flags)
    common._define_general_flags(flags)
    assert {name: flags[name].default for name in flags} == FLAGS


@pytest.mark.parametrize("name", IGNORED)
def test_every_other_flag_of_tensor2tensor_is_accepted(name):
    assert name in common.IGNORED_FLAGS


def test_every_option_of_training_has_a_flag():
    fields = [field for group in trainer._OPTIONS.values() for field, _, _ in group.values()]
    assert sorted([*fields, "schedule"]) == sorted(field.name for field in dataclasses.fields(training.TrainOptions))


@pytest.mark.parametrize("missing", ["problem", "model", "hparams_set", "data_dir", "output_dir"])
def test_missing_flag_is_named(missing, capsys):
    given = {"problem": "p", "model": "m", "hparams_set": "h", "data_dir": "d", "output_dir": "o"}
    assert trainer.main([f"--{name}={value}" for name, value in given.items() if name != missing]) == 2
    assert capsys.readouterr().err.startswith(f"t2t-trainer: --{missing} is required")


def test_unknown_problem_is_one_line(capsys):
    argv = ["--problem=translate_ende_nmbers", "--model=transformer", "--hparams_set=transformer_tiny"]
    assert trainer.main([*argv, "--data_dir=/nowhere", "--output_dir=/nowhere"]) == 2
    message = capsys.readouterr().err
    assert message.startswith(
        "t2t-trainer: unknown problem 'translate_ende_nmbers'; did you mean translate_ende_numbers"
    )
    assert message.count("\n") == 1
