"""Text to text: order, empty lines, batches and what comes back."""

from types import SimpleNamespace

import numpy as np
import pytest

from tensor2keras.decoding import decode, text
from tests.decoding.test_search import Classifier
from tests.decoding.toy import EOS, Letters, TableModel, language_model_hparams, letters_problem

VOCAB = 8


@pytest.fixture(scope="module")
def scales_inputs() -> TableModel:
    """Says "b" when the input begins with "a" and "bb" when it begins with something later in the alphabet."""
    table = np.full((3, VOCAB, VOCAB), -4.0, "float32")
    table[0, :, 3] = 4.0
    table[1, :, 3], table[1, :, EOS] = 0.1, 0.0  # the larger the input's first id, the likelier a second "b"
    table[2, :, EOS] = 4.0
    return TableModel(3, VOCAB).set(table)


@pytest.fixture(scope="module")
def counts() -> TableModel:
    """A language model that continues the alphabet: after "b" comes "c"; after "f" the end."""
    table = np.full((1, VOCAB, VOCAB), -9.0, "float32")
    for token in range(2, VOCAB - 1):
        table[0, token, token + 1] = 9.0
    table[0, VOCAB - 1, EOS] = 9.0
    table[0, 0, 2] = 9.0
    return TableModel(1, VOCAB, language_model_hparams(VOCAB)).set(table)


def test_order_is_kept_and_empty_lines_stay_empty(counts):
    assert decode(counts, letters_problem("targets"), ["e", "abc", "b", "ab", "d"], batch_size=2) == [
        "f",
        "def",
        "cdef",
        "cdef",
        "ef",
    ]


def test_empty_lines_stay_empty(scales_inputs):
    outputs = decode(
        scales_inputs, letters_problem("inputs", "targets"), ["a", "", "abcd", "  ", "cc"], batch_size=2, beam_size=1
    )
    assert [bool(output) for output in outputs] == [True, False, True, False, True]


def test_empty_prompt_is_continued(counts):
    assert decode(counts, letters_problem("targets"), ["", "d"]) == ["abcdef", "ef"]


def test_one_text_gives_one_text(counts):
    assert decode(counts, letters_problem("targets"), "c") == "def"
    assert decode(counts, letters_problem("targets"), []) == []


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        ([None], r"texts\[0\] is None: decode takes texts; model.infer decodes arrays of ids"),
        (["a", [3, 4]], r"texts\[1\] is \[3, 4\]: decode takes texts"),
        (np.zeros((1, 2), "int32"), r"texts\[0\] is array\(.*: decode takes texts"),
        (None, "texts=None: decode takes a list of texts"),
    ],
)
def test_what_is_not_a_text_is_one_line(counts, texts, line):
    with pytest.raises(ValueError, match=line):
        decode(counts, letters_problem("targets"), texts)


def test_scores_and_several_beams(counts):
    [(best, score)] = decode(counts, letters_problem("targets"), ["d"], return_scores=True)
    assert best == "ef"
    assert score == pytest.approx(0.0, abs=1e-3)
    [beams] = decode(counts, letters_problem("targets"), ["d"], top_beams=3)
    assert beams[0] == "ef"
    assert len(beams) == 3


def test_sampling_options_sample_and_exclude_a_beam(scales_inputs):
    def outputs(**options):
        return decode(scales_inputs, letters_problem("inputs", "targets"), ["a"] * 6, **options)

    assert set(outputs()) == {"bb"}
    assert len(set(outputs(temperature=5.0, seed=0))) > 1
    assert set(outputs(temperature=5.0, top_k=1, seed=0)) == set(outputs(beam_size=1))
    with pytest.raises(ValueError, match="beam_size=4 and sampling_method=random exclude each other"):
        outputs(beam_size=4, sampling_method="random")
    with pytest.raises(ValueError, match="decode_length=-500 must be at least 0"):
        outputs(decode_length=-500)


def test_batches_are_longest_first_and_bounded():
    sequences = [[1] * n for n in (3, 9, 1, 5)]
    assert list(text.batches([*sequences, None], 2)) == [[1, 3], [0, 2]]


@pytest.mark.parametrize(("longest", "width"), [(1, 16), (16, 16), (17, 32), (33, 64), (65, 128)])
def test_widths_are_few(longest, width):
    assert text.width_for(longest) == width


def test_filling_rows_repeat_the_last_one():
    np.testing.assert_array_equal(text.pad([[5, 6], [7]], 3, 4), [[5, 6, 0, 0], [7, 0, 0, 0], [7, 0, 0, 0]])


@pytest.mark.parametrize(
    ("ids", "kept"), [([3, 4, EOS, 5], [3, 4]), ([EOS], []), ([3, 0, 0], [3]), ([3, 0, 4], [3, 0, 4]), ([], [])]
)
def test_text_ends_before_the_first_end_of_sequence(ids, kept):
    assert text.until_eos(np.array(ids, "int32")).tolist() == kept


def test_long_inputs_are_cut_and_counted(caplog):
    encoders = {"inputs": Letters(), "targets": Letters()}
    assert text.encode(encoders, ["abcd", "ab", ""], max_input_size=3) == [[2, 3, EOS], [2, 3, EOS], None]
    assert "1 of 3 inputs were cut at max_input_size=3 tokens" in caplog.text


def test_class_labels_come_back_as_names():
    labels = SimpleNamespace(decode=lambda label: ["bad", "fair", "good"][label])
    first_letter = SimpleNamespace(encode=lambda word: [ord(word[0]) - ord("a")])
    problem = SimpleNamespace(get_feature_encoders=lambda: {"inputs": first_letter, "targets": labels})
    assert decode(Classifier(), problem, ["c", "a", "b"]) == ["good", "bad", "fair"]


def test_progress_bar_counts_sentences(counts, capsys):
    decode(counts, letters_problem("targets"), ["a", "b", "c"], batch_size=2, progress=True)
    assert "3/3 sentences" in capsys.readouterr().err
