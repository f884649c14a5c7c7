"""Speech recognition: what is stored, and batches by frames."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tensor2keras import registry
from tensor2keras.data import audio
from tests.data.recordings import tone, write_table


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A folder with six recordings to train on, two to evaluate."""
    folder = tmp_path_factory.mktemp("recordings")
    write_table(folder)
    write_table(folder, "dev.tsv", 2, 6)
    return folder


@pytest.fixture(scope="module")
def problem(recordings, tmp_path_factory):
    """They as a problem, generated."""
    made = registry.problem("speech_tmpdir", data_dir=str(tmp_path_factory.mktemp("data")), tmp_dir=str(recordings))
    made.generate_data()
    return made


def hparams_for(problem, overrides="", name="transformer_librispeech"):
    return registry.hparams(name, problem, overrides)


def one_batch(problem, overrides="", split="validation"):
    return next(iter(problem.dataset(split, hparams_for(problem, overrides))))


def rows_of(problem, split, overrides, count=1):
    batches = problem.dataset(split, hparams_for(problem, overrides)).take(count)
    return [tuple(features["inputs"].shape) for features, _, _ in batches]


def test_records_hold_samples_of_16_bits_and_ids(problem):
    (example, *_) = problem.as_dataset(split="validation").as_numpy_iterator()
    assert example["waveforms"].dtype == np.int16
    np.testing.assert_array_equal(example["waveforms"], tone(200 + 150 * 6, 0.2))
    assert example["targets"].tolist() == [*(byte + 2 for byte in b"ONE"), 1]
    assert problem.samples_as_text("validation", 2) == [
        {"waveforms": "audio of 0.2 s", "targets": "ONE"},
        {"waveforms": "audio of 0.3 s", "targets": "TWO THREE"},
    ]


def test_plain_data_for_models(problem):
    values = problem.get_hparams()
    assert json.loads(json.dumps(values)) == values
    inputs = {"modality": "speech_recognition", "vocab_size": None}
    assert values["features"] == {"inputs": inputs, "targets": {"modality": "symbol", "vocab_size": 256}}
    assert values["loss_multiplier"] == 1.0
    assert {"edit_distance", "word_error_rate"} <= set(values["eval_metrics"])
    assert problem.text_scores() == ["wer"]


def test_any_set_gets_tensor2tensors_audio_hyperparameters(problem):
    hparams = hparams_for(problem, "audio_num_mel_bins=40", "transformer_tiny")
    wanted = {
        "audio_preproc_in_bottom": False,
        "audio_sample_rate": 16000,
        "audio_preemphasis": 0.97,
        "audio_dither": pytest.approx(1 / 32767),
        "audio_frame_length": 25.0,
        "audio_frame_step": 10.0,
        "audio_lower_edge_hertz": 20.0,
        "audio_upper_edge_hertz": 8000.0,
        "audio_num_mel_bins": 40,
        "audio_add_delta_deltas": True,
        "num_zeropad_frames": 250,
    }
    assert {name: hparams[name] for name in wanted} == wanted
    assert type(hparams).from_json(hparams.to_json()) == hparams


def test_an_unreadable_file_stops_generation_by_name(dirs, raw):
    write_table(raw)
    (raw / "wav" / "3.wav").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"3\.wav: cannot be read as audio"):
        registry.problem("speech_tmpdir", **dirs).generate_data()


def test_a_batch_is_features_and_weighted_ids(problem):
    features, targets, weights = one_batch(problem, "num_zeropad_frames=100,batch_size=2")
    assert features["inputs"].shape == (2, 30 + 100, 80, 3)
    assert features["targets"].dtype == tf.int32
    assert targets.shape == (2, 10)
    np.testing.assert_allclose(weights, (targets.numpy() != 0) / 14, rtol=1e-6)
    expected = audio.log_mel_features(
        tf.RaggedTensor.from_row_lengths(tone(200 + 150 * 6, 0.2), [3200]), {"num_zeropad_frames": 0}
    )
    np.testing.assert_allclose(features["inputs"][0, :20], expected[0], atol=1e-4)


def test_a_small_batch_size_counts_utterances(problem):
    assert [shape[0] for shape in rows_of(problem, "train", "batch_size=3", 2)] == [3, 3]


def test_a_large_batch_size_counts_values_of_frames(problem):
    settings = "max_length=8000,batch_size=16000,num_zeropad_frames=0,max_input_seq_length=0"
    for rows, frames, bins, _ in rows_of(problem, "train", settings, 4):
        assert rows * frames * bins <= 16000


def test_long_audio_is_cut_as_in_t2t_or_left_out(problem):
    shapes = rows_of(problem, "train", "batch_size=6,max_input_seq_length=40,num_zeropad_frames=0", 3)
    assert max(shape[1] for shape in shapes) == 40
    left = "batch_size=8000,max_length=3200,max_input_seq_length=0,num_zeropad_frames=0"  # 40 frames
    shapes = rows_of(problem, "train", left, 6)
    assert max(shape[1] for shape in shapes) == 40
    assert max(shape[1] for shape in rows_of(problem, "validation", left, 6)) <= 40


def test_noise_in_training_is_a_function_of_the_step(problem):
    hparams = hparams_for(problem, "batch_size=2,specaugment_time_masks=1,specaugment_frequency_masks=1")
    whole = [features["inputs"].numpy() for features, _, _ in problem.dataset("train", hparams, seed=3).take(5)]
    resumed = [f["inputs"].numpy() for f, _, _ in problem.dataset("train", hparams, seed=3, start_step=3).take(2)]
    for one, other in zip(whole[3:], resumed, strict=True):
        np.testing.assert_array_equal(one, other)


def test_evaluation_hears_the_audio_as_it_is(problem):
    plain = one_batch(problem)[0]["inputs"]
    masked = one_batch(problem, "specaugment_time_masks=2,specaugment_frequency_masks=2")[0]["inputs"]
    np.testing.assert_array_equal(plain, masked)


def test_waveforms_for_a_model_that_makes_the_features(problem):
    features, _, _ = one_batch(problem, "audio_preproc_in_bottom=True,batch_size=2")
    assert features["inputs"].shape == (2, 4800)
    np.testing.assert_allclose(features["inputs"][0, :3200], tone(200 + 150 * 6, 0.2) / 32767, rtol=1e-6)


def test_ctc_targets_have_no_end(problem):
    hparams = hparams_for(problem, "ctc_targets=True")
    assert hparams.problem["features"]["targets"]["modality"] == "ctc_symbol"
    assert list(hparams.problem["eval_metrics"]) == ["ctc_edit_distance", "ctc_word_error_rate"]
    _, targets, weights = next(iter(problem.dataset("validation", hparams)))
    assert targets[0].numpy().tolist() == [*(byte + 2 for byte in b"ONE"), *[0] * 6]
    assert float(tf.reduce_sum(weights)) == pytest.approx(1)


def test_rows_fill_up_for_replicas(problem):
    features, targets, weights = next(iter(problem.dataset("validation", hparams_for(problem), num_replicas=4)))
    assert len(features["inputs"]) == len(targets) == 4
    assert not features["inputs"][2:].numpy().any()
    assert float(tf.reduce_sum(weights[2:])) == 0


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("audio_preproc_in_bottom=True,specaugment_time_masks=1", "need audio_preproc_in_bottom=False"),
        ("audio_sample_rate=8000", "audio_sample_rate must be 16000"),
    ],
)
def test_settings_that_mean_nothing_are_refused(problem, overrides, message):
    with pytest.raises(ValueError, match=message):
        hparams_for(problem, overrides)


def test_the_encoder_prepares_a_file_as_the_pipeline_does(problem, recordings):
    hparams = hparams_for(problem)
    found = problem.get_feature_encoders()["inputs"].prepare(str(recordings / "wav" / "6.wav"), hparams)
    np.testing.assert_allclose(found[:20], one_batch(problem)[0]["inputs"][0, :20], atol=1e-4)
