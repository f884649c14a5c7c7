"""A model of the sentencepiece library as a text encoder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensor2keras.data.text_encoder import (
    RESERVED_TOKENS,
    SentencePieceEncoder,
)

SENTENCES = ["A man, a plan.", "Ein Mann mit Hut", "two dogs run in the park", "Zwei Hunde laufen im Park"] * 5
PIECES = SentencePieceEncoder.build_from_generator(SENTENCES, 330)


class TestSentencePieces:
    @pytest.mark.parametrize("model_type", ["unigram", "bpe"])
    def test_padding_and_eos_have_their_ids(self, model_type):
        encoder = SentencePieceEncoder.build_from_generator(SENTENCES, 330, model_type=model_type)
        assert encoder.decode_list([0, 1]) == RESERVED_TOKENS
        assert min(encoder.encode("Zwei Hunde <pad> 😀")) >= 2
        assert max(encoder.encode("Zwei Hunde <pad> 😀")) < encoder.vocab_size <= 330

    @given(st.text().filter(lambda text: "\u2581" not in text and "\0" not in text))
    def test_any_text_comes_back(self, text):
        assert PIECES.decode(PIECES.encode(text)) == text

    def test_additional_reserved_tokens_take_the_next_ids(self):
        encoder = SentencePieceEncoder.build_from_generator(SENTENCES, 330, reserved_tokens=[*RESERVED_TOKENS, "<SEP>"])
        assert encoder.decode_list([2]) == ["<SEP>"]
        assert 2 in encoder.encode("Hut <SEP> Mann")

    def test_a_stored_model_encodes_the_same(self, tmp_path):
        PIECES.store_to_file(tmp_path / "model")
        assert SentencePieceEncoder(tmp_path / "model").encode("two dogs") == PIECES.encode("two dogs")

    def test_a_file_that_is_no_model_is_named(self, tmp_path):
        (tmp_path / "model").write_text("nonsense")
        with pytest.raises(ValueError, match="model is not a sentencepiece model"):
            SentencePieceEncoder(tmp_path / "model")

    @pytest.mark.parametrize("model_type", ["unigram", "bpe"])
    @pytest.mark.parametrize(
        ("texts", "size", "message"),
        [
            (SENTENCES, 0, "of 0 is too small: .* take 259; choose a larger approx_vocab_size"),
            (SENTENCES, 2, "of 2 is too small: .* take 259; choose a larger approx_vocab_size"),
            (SENTENCES, 270, r"of 270 is too small: .* take 28\d; choose a larger approx_vocab_size"),
            (SENTENCES, 2**40, f"of {2**40} cannot be trained: "),
            ([""], 330, "there is no text to train a SentencePiece model on"),
        ],
    )
    def test_a_size_that_does_not_fit_is_one_line(self, texts, size, message, model_type):
        with pytest.raises(ValueError, match=message) as error:
            SentencePieceEncoder.build_from_generator(texts, size, model_type=model_type)
        assert "\n" not in str(error.value)

    def test_a_text_too_small_for_the_size_is_told(self, caplog):
        encoder = SentencePieceEncoder.build_from_generator(SENTENCES, 5000)
        assert encoder.vocab_size < 400
        assert f"gives a SentencePiece vocabulary of {encoder.vocab_size}, not of 5000" in caplog.text

    def test_faults_of_the_text_are_raised_as_they_are(self):
        def texts():
            yield "one"
            raise FileNotFoundError("a.txt, line 2")

        with pytest.raises(FileNotFoundError, match=r"^a\.txt, line 2$"):
            SentencePieceEncoder.build_from_generator(texts(), 330)

    def test_ids_beyond_the_vocabulary_are_left_out(self):
        beyond = PIECES.vocab_size
        assert PIECES.decode([*PIECES.encode("two dogs"), beyond, 10 * beyond]) == "two dogs"
        assert PIECES.decode_list([1, beyond]) == [RESERVED_TOKENS[1], ""]

    def test_an_unknown_model_type_is_refused(self):
        with pytest.raises(ValueError, match="model_type='wordy'; allowed: unigram, bpe"):
            SentencePieceEncoder.build_from_generator(SENTENCES, 330, model_type="wordy")
