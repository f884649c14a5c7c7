"""Every flag that the commands define for themselves, by name: scripts use them, so none may be removed or renamed."""

import pytest
from absl import flags as absl_flags

from tensor2keras.cli import avg_all, bleu, convert, datagen, decoder, evaluate, trainer, translate_all

COMMON = "data_dir hparams hparams_set model output_dir problem tmp_dir"
FLAGS = {
    trainer: (
        COMMON + " approx_vocab_size eval_early_stopping_metric eval_early_stopping_metric_delta"
        " eval_early_stopping_metric_minimize eval_early_stopping_steps eval_steps eval_use_test_set"
        " generate_data inter_op_parallelism_threads intra_op_parallelism_threads keep_checkpoint_max"
        " local_eval_frequency locally_shard_to_cpu log_step_count_steps random_seed save_checkpoints_secs"
        " save_checkpoints_steps schedule train_steps warm_start_from worker_gpu xla_compile"
    ),
    datagen: (
        "approx_vocab_size data_dir exclude_problems num_concurrent_processes num_shards only_list problem"
        " random_seed task_id task_id_end task_id_start tmp_dir"
    ),
    decoder: (
        COMMON + " checkpoint_path decode_from_file decode_hparams decode_interactive decode_reference decode_shards"
        " decode_to_file eval_use_test_set keep_timestamp random_seed score_file tokenize trust_usr_dir"
    ),
    evaluate: (
        COMMON + " checkpoint_path confusion_matrix decode decode_hparams eval_steps eval_use_test_set tokenize"
        " trust_usr_dir"
    ),
    avg_all: ("min_steps model_dir n output_dir wait_minutes"),
    bleu: (
        "bleu_variant event_dir min_steps reference report_zero source tag_suffix tokenize translation"
        " translations_dir wait_minutes"
    ),
    translate_all: (
        COMMON + " alpha beam_size decode_hparams decoder_command min_steps model_dir source translations_dir"
        " trust_usr_dir wait_minutes"
    ),
    convert: (COMMON + " check from inputs targets vocab vocab_file"),
}


@pytest.mark.parametrize("command", FLAGS, ids=lambda command: command.PROGRAM)
def test_flags_are_those_of_the_list(command):
    flags = absl_flags.FlagValues()
    command.define_flags(flags)
    assert sorted(flags) == sorted(FLAGS[command].split())
