"""Encoders give T2T's ids and text; what is encoded comes back; bad files are named."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensor2keras.data.language_model.enwik8 import UnshiftedByteEncoder
from tensor2keras.data.text_encoder import (
    ByteTextEncoder,
    ClassLabelEncoder,
    RealEncoder,
    SentencePieceEncoder,
    SubwordTextEncoder,
    TokenTextEncoder,
)

SENTENCES = ["A man, a plan.", "Ein Mann mit Hut", "two dogs run in the park", "Zwei Hunde laufen im Park"] * 5


@pytest.fixture(scope="module")
def others(golden):
    return json.loads((golden / "text/other_encoders.json").read_text())


@pytest.fixture(scope="module")
def wmt_encoder(shared):
    return SubwordTextEncoder(shared / "t2t/vocab.translate_ende_wmt32k.32768.subwords")


SMALL = SubwordTextEncoder.build_from_generator(SENTENCES, 100)
PIECES = SentencePieceEncoder.build_from_generator(SENTENCES, 330)


@pytest.mark.parametrize(
    "encoder",
    [
        SMALL,
        SubwordTextEncoder.build_from_generator(["a \ud800 b"], 100),
        ByteTextEncoder(),
        UnshiftedByteEncoder(),
        PIECES,
    ],
)
def test_surrogates_cost_no_text(encoder):
    """As JSON or a terminal in another encoding may give them."""
    assert encoder.decode(encoder.encode("a \ud83d\ude00 b \ud800")) == "a \U0001f600 b \ufffd"
    assert encoder.decode(encoder.encode("\udc80")) == "\ufffd"


class TestSubwords:
    def test_ids_and_text_of_all_sentences_equal_t2t(self, golden, wmt_encoder):
        cases = json.loads((golden / "text/subword_32768.json").read_text())
        assert wmt_encoder.vocab_size == cases["vocab_size"] == 33708
        assert len(cases["items"]) >= 400
        for case in cases["items"]:
            assert wmt_encoder.encode(case["text"]) == case["ids"]
            assert wmt_encoder.encode_without_tokenizing(case["text"]) == case["ids_without_tokenizing"]
            assert wmt_encoder.decode(case["ids"]) == case["decoded"]
            assert wmt_encoder.decode([*case["ids"], 1, 0]) == case["decoded_with_pad_eos"]
            assert wmt_encoder.decode([*case["ids"], 1, 0], strip_extraneous=True) == case["decoded"]
            assert wmt_encoder.decode_list(case["ids"]) == case["decode_list"]

    def test_storing_a_vocabulary_gives_the_same_bytes(self, shared, wmt_encoder, tmp_path):
        wmt_encoder.store_to_file(tmp_path / "new/vocab")
        assert (tmp_path / "new/vocab").read_bytes() == wmt_encoder.filename.read_bytes()
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["vocab"]

    @given(st.text())
    def test_any_text_comes_back(self, text):
        assert SMALL.decode(SMALL.encode(text)) == text

    @pytest.mark.parametrize("code", ["55296", "57343", "1114112", "9" * 30])
    def test_a_code_of_no_character_is_decoded_to_a_mark(self, code):
        assert SMALL.decode(SMALL._cut(f"a\\{code};_")) == "a\u3013"

    @given(st.text(alphabet="ab_\\u0123;<>\n é"))
    def test_text_that_looks_like_escapes_comes_back(self, text):
        assert SMALL.decode(SMALL.encode(text)) == text

    @given(st.text(alphabet="ab<>pdEOS_ "))
    def test_characters_that_only_longer_subtokens_hold_are_escaped(self, text):
        encoder = SubwordTextEncoder.from_subtokens(["<pad>_", "<EOS>_", *"\\_u;0123456789ab"])
        ids = encoder.encode(text)
        assert encoder.decode(ids) == text
        assert max(ids, default=0) < encoder.vocab_size

    def test_a_comparison_sign_is_written_as_its_code(self):
        encoder = SubwordTextEncoder.from_subtokens(["<pad>_", "<EOS>_", *"\\_u;0123456789ab"])
        assert encoder.decode_list(encoder.encode("a<b")) == ["a", "_", *"\\60;", "_", "b", "_"]

    def test_arrays_of_ids_decode(self):
        assert SMALL.decode(np.array([*SMALL.encode("two dogs"), 1, 0, 0]), strip_extraneous=True) == "two dogs"

    def test_ids_a_model_made_up_decode_to_something(self):
        assert SMALL.decode([10**6, -1]) == ""
        undefined = [SMALL._subtoken_to_id[char] for char in "\\99999999;_"]
        assert SMALL.decode(undefined) == "\u3013"

    def test_unquoted_files_are_read(self, tmp_path):
        SMALL.store_to_file(tmp_path / "vocab", add_single_quotes=False)
        assert SubwordTextEncoder(tmp_path / "vocab").vocab_size == SMALL.vocab_size

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "vocab is empty"),
            (b"'a_'\n'b\xff_'\n", "vocab, line 2: not UTF-8"),
            (b"'a_'\n'b_'\n'c", 'vocab, line 3: "\'c" is not in quotes'),
        ],
    )
    def test_a_bad_file_is_named_with_its_line(self, tmp_path, content, message):
        (tmp_path / "vocab").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            SubwordTextEncoder(tmp_path / "vocab")

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            SubwordTextEncoder(tmp_path / "nowhere")

    def test_a_vocabulary_without_a_character_says_which(self):
        with pytest.raises(ValueError, match="no subtoken for 'b'"):
            SubwordTextEncoder.from_subtokens(["a", "ab_"]).encode("abba")


class TestBytes:
    def test_ids_and_text_equal_t2t(self, others):
        encoder = ByteTextEncoder()
        assert encoder.vocab_size == others["byte"]["vocab_size"]
        for case in others["byte"]["items"]:
            assert encoder.encode(case["text"]) == case["ids"]
            assert encoder.decode(case["ids"]) == case["decoded"]
            assert encoder.decode(case["ids"] + [1, 0], strip_extraneous=True) == case["decoded"]

    @given(st.text(), st.integers(0, 5))
    def test_any_text_comes_back(self, text, num_reserved_ids):
        encoder = ByteTextEncoder(num_reserved_ids)
        assert encoder.decode(encoder.encode(text)) == text

    def test_reserved_ids_show_their_names(self):
        assert ByteTextEncoder(3).decode([0, 1, 2, 68]) == "<pad><EOS><reserved_2>A"

    def test_ids_beyond_the_vocabulary_are_left_out(self):
        encoder = ByteTextEncoder()
        assert encoder.decode([67, encoder.vocab_size, 2000]) == "A"


class TestTokens:
    @pytest.mark.parametrize("case", ["token_list", "token_list_oov", "token_list_reverse", "token_list_reserved0"])
    def test_ids_text_and_file_equal_t2t(self, golden, others, tmp_path, case):
        given = others[case]
        encoder = TokenTextEncoder(None, **given["kwargs"])
        assert encoder.vocab_size == given["vocab_size"]
        encoder.store_to_file(tmp_path / "vocab")
        assert (tmp_path / "vocab").read_bytes() == (golden / f"text/{case}.vocab").read_bytes()
        options = {name: value for name, value in given["kwargs"].items() if name != "vocab_list"}
        for either in (encoder, TokenTextEncoder(tmp_path / "vocab", **options)):
            for item in given["items"]:
                assert either.encode(item["text"]) == item["ids"]
                assert either.decode(item["ids"]) == item["decoded"]
                assert either.decode_list(item["ids"]) == item["decode_list"]

    def test_reserved_ids_are_stripped_on_request(self):
        assert TokenTextEncoder(vocab_list=["a"]).decode([2, 1, 0], strip_extraneous=True) == "a"

    def test_ids_beyond_the_vocabulary_show_as_such(self):
        assert TokenTextEncoder(vocab_list=["a"]).decode([2, 7]) == "a ID_7"

    def test_an_unknown_word_is_named(self):
        with pytest.raises(ValueError, match="'b' is none of the vocabulary's 3 tokens; replace_oov allows it"):
            TokenTextEncoder(vocab_list=["a"]).encode("a b")

    def test_the_stand_in_must_be_known(self):
        with pytest.raises(ValueError, match="replace_oov='<UNK>' is not one of the vocabulary's 3 tokens"):
            TokenTextEncoder(vocab_list=["a"], replace_oov="<UNK>")


class TestLabels:
    def test_ids_and_labels_equal_t2t(self, others):
        case = others["class_label"]
        encoder = ClassLabelEncoder(case["labels"])
        assert encoder.vocab_size == case["vocab_size"]
        assert {label: encoder.encode(label) for label in case["encode"]} == case["encode"]
        assert {i: encoder.decode(int(i)) for i in case["decode"]} == case["decode"]

    @pytest.mark.parametrize("ids", [1, [1], np.array([1]), np.array([[[1]]])])
    def test_one_id_in_any_wrapping_decodes(self, ids):
        assert ClassLabelEncoder(["neg", "pos"]).decode(ids) == "pos"

    def test_labels_come_from_a_file(self, tmp_path):
        (tmp_path / "labels").write_text("neg\npos\n")
        assert ClassLabelEncoder(class_labels_fname=tmp_path / "labels").decode_list([1, 0]) == ["pos", "neg"]

    def test_ids_beyond_the_labels_show_as_such(self):
        assert ClassLabelEncoder(["neg", "pos"]).decode(2) == "ID_2"

    def test_an_unknown_label_is_named_with_the_known_ones(self):
        with pytest.raises(ValueError, match="unknown label 'maybe'; known: neg, pos"):
            ClassLabelEncoder(["neg", "pos"]).encode("maybe")


def test_real_numbers_come_back():
    assert RealEncoder().encode("1.5 -2") == [1.5, -2.0]
    assert RealEncoder().decode([1.5, -2.0]) == "1.5 -2.0"


@pytest.mark.parametrize(
    "encoder",
    [SMALL, PIECES, ByteTextEncoder(), TokenTextEncoder(vocab_list=["Zwei", "Hunde"])],
    ids=lambda encoder: type(encoder).__name__,
)
def test_encoders_pickle(encoder):
    copy = pickle.loads(pickle.dumps(encoder))
    assert copy.encode("Zwei Hunde") == encoder.encode("Zwei Hunde")
    assert copy.vocab_size == encoder.vocab_size
