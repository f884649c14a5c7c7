"""Names: registration, lookup, suffixes, plug-ins."""

import importlib.metadata
import json
import re
import sys
from pathlib import Path

import pytest

from tensor2keras import registry
from tensor2keras.hparams import HParams, RangedHParams


@pytest.fixture
def kind():
    return registry.Registry("model", ())


def test_a_class_registers_under_its_snake_case_name(kind):
    @kind.register
    class TranslateEndeWmt32k:
        """One line.

        More.
        """

    assert kind["translate_ende_wmt32k"] is TranslateEndeWmt32k
    assert kind.summary("translate_ende_wmt32k") == "One line."
    assert list(kind) == ["translate_ende_wmt32k"]


def test_a_given_name_wins_and_an_alias_leads_to_it(kind):
    @kind.register("byte_net")
    class ByteNetwork:
        pass

    assert kind["byte_net"] is kind["bytenet"] is ByteNetwork
    assert "bytenet" in kind


def test_rerunning_a_notebook_cell_replaces_but_another_object_is_refused(kind):
    def cell():
        @kind.register("mine")
        def mine():
            pass

        return mine

    cell()
    second = cell()
    assert kind["mine"] is second
    with pytest.raises(ValueError, match=r"model 'mine' is already registered by .*cell.*mine; .*HParams"):
        kind.register("mine")(HParams)


def test_every_problem_can_be_imported_by_its_class_name():
    made_in_loops = ("babi_qa", "summarize_frac")
    for name in registry.problems:
        problem = registry.problems[name]
        if problem.__module__.startswith("tensor2keras.") and not name.startswith(made_in_loops):
            assert getattr(sys.modules[problem.__module__], problem.__name__) is problem, name


def test_the_docstring_of_a_variant_names_its_vocabulary():
    summaries = {
        "translate_ende_wmt8k_packed": "English-German, WMT, 8k subwords, packed into rows of 256.",
        "cola_characters": "Corpus of Linguistic Acceptability: is a sentence grammatical, bytes.",
        "summarize_cnn_dailymail_wiki_lm_shared_vocab": (
            "Summaries of CNN and Daily Mail articles, vocabulary of languagemodel_en_wiki32k."
        ),
    }
    assert {name: registry.problems.summary(name) for name in summaries} == summaries


def test_a_set_made_for_another_model_is_answered_with_those_that_fit():
    with pytest.raises(
        ValueError, match=r"byte_net needs the hparam 'num_block_repeat'.*sets that have it: bytenet_base"
    ):
        registry.model("byte_net", registry.hparams("transformer_tiny"))
    with pytest.raises(ValueError, match=r"lstm_seq2seq_attention needs .*sets that have it: .*lstm_luong_attention"):
        registry.model("lstm_seq2seq_attention", registry.hparams("lstm_seq2seq"))


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("evolved_transformer", "evolved_transformer_big, .*evolved_transformer_tiny"),
        ("transformer", r"transformer_\w+(, transformer_\w+){7}, \.\.\.$"),
    ],
)
def test_of_many_sets_that_fit_a_few_of_the_model_itself_are_named(model, named):
    with pytest.raises(ValueError, match=rf"^{model} needs .* sets that have it: {named}") as error:
        registry.model(model, registry.hparams("bytenet_base"))
    assert len(str(error.value)) < 400


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(KeyError, match=r"unknown hparams set 'transformer_bse'; did you mean .*transformer_base"):
        registry.hparams("transformer_bse")
    with pytest.raises(KeyError, match=r"unknown model 'transfomer'; did you mean .*transformer"):
        registry.model("transfomer", registry.hparams("transformer_tiny"))
    with pytest.raises(
        KeyError, match=r"unknown problem 'translate_ende_wmt33k'; did you mean .*translate_ende_wmt32k"
    ):
        registry.problem("translate_ende_wmt33k")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("translate_ende_wmt32k", ("translate_ende_wmt32k", False, False)),
        ("translate_ende_wmt32k_rev", ("translate_ende_wmt32k", True, False)),
        ("translate_ende_wmt32k_copy", ("translate_ende_wmt32k", False, True)),
        ("translate_ende_wmt32k_rev_copy", ("translate_ende_wmt32k", True, True)),
        ("translate_ende_wmt32k_copy_rev", ("translate_ende_wmt32k", True, True)),
        ("no_such_rev_rev", ("no_such_rev", True, False)),
    ],
)
def test_problem_suffixes(name, expected):
    assert registry.parse_problem_name(name) == expected


def test_hparams_take_a_problem_as_dict_and_overrides():
    problem = {"name": "mine", "features": {"targets": {"modality": "symbol", "vocab_size": 9}}}
    hparams = registry.hparams("transformer_tiny", problem=problem, overrides="dropout=0.3,hidden_size=64")
    assert (hparams.dropout, hparams.hidden_size) == (0.3, 64)
    assert hparams.problem.features.targets.vocab_size == 9
    assert HParams.from_json(hparams.to_json()) == hparams
    assert registry.hparams("transformer_tiny").problem is None


def test_a_problem_is_set_on_hparams_by_description_by_name_or_none(monkeypatch):
    class Counting:
        def __init__(self, **_):
            pass

        def get_hparams(self, hparams):
            return {"name": "counting", "features": {}, "target_space_id": hparams.hidden_size}

    monkeypatch.setattr(registry.problems, "_entries", {**registry.problems._entries, "counting": Counting})
    hparams = HParams(hidden_size=4, problem=None)
    for problem in (Counting(), "counting", Counting().get_hparams(hparams)):
        registry.set_problem(hparams, problem)
        assert hparams.problem.to_dict() == {"name": "counting", "features": {}, "target_space_id": 4}
        assert hparams.is_locked
        registry.set_problem(hparams, None)
        assert hparams.problem is None


@pytest.mark.parametrize(
    ("model", "sets"),
    [
        ("transformer", {"transformer_base", "transformer_tiny", "transformer_tall_big"}),
        ("byte_net", {"bytenet_base"}),
        ("universal_transformer", {"universal_transformer_base", "adaptive_universal_transformer_base"}),
    ],
)
def test_the_sets_of_a_model_are_those_defined_with_it(model, sets):
    found = set(registry.sets_of(model))
    assert sets <= found
    assert not found & {"shakeshake_big", "lstm_seq2seq"}


@pytest.fixture
def variant(monkeypatch):
    """`variant` of a module of the user's own, whose sets are forgotten after the test."""
    registry.hparams_sets._load()
    monkeypatch.setattr(registry.hparams_sets, "_entries", dict(registry.hparams_sets._entries))
    return registry.variants_of("mine")


def test_a_variant_is_another_set_with_some_values_changed(variant):
    def base():
        return HParams(sizes=[1, 2], dropout=0.1, pos="timing")

    narrow = variant("narrow", base, "For small images.", sizes=[1], dropout=0)
    narrow().sizes.append(5)  # a caller's change does not reach the next caller
    assert registry.hparams("narrow").values() == {"sizes": [1], "dropout": 0.0, "pos": "timing", "problem": None}
    assert base().values() == {"sizes": [1, 2], "dropout": 0.1, "pos": "timing"}
    assert (narrow.__module__, narrow.__name__, narrow.__qualname__) == ("mine", "narrow", "narrow")
    assert registry.hparams_sets.summary("narrow") == "For small images."
    assert variant("deep", narrow, sizes=[1, 3], dropout=0.2).__doc__ == "narrow with sizes=[1, 3], dropout=0.2."
    assert variant("alias", narrow).__doc__ == "The same as narrow."
    with pytest.raises(KeyError, match=r"unknown hparam 'dropuot'; closest: dropout"):
        variant("misspelt", base, dropuot=0.2)()
    with pytest.raises(
        ValueError, match=r"'narrow' is already registered by mine\.narrow; yours\.narrow needs another"
    ):
        registry.variants_of("yours")("narrow", base)


def test_every_set_is_found_in_its_module_under_its_function_name():
    sets = [registry.hparams_sets[name] for name in registry.hparams_sets]
    sets = [made for made in sets if made.__module__.startswith("tensor2keras.")]  # tests register others
    for made in sets:
        assert getattr(sys.modules[made.__module__], made.__name__) is made
        assert made.__doc__
        assert "<lambda>" not in made.__doc__
    texts = [Path(sys.modules[module].__file__).read_text() for module in {made.__module__ for made in sets}]
    pairs = [pair for text in texts for pair in re.findall(r'^(\w+) = variant\(\s*"(\w+)"', text, re.M)]
    assert len({assigned for assigned, _ in pairs}) == len(pairs) > 300
    assert [pair for pair in pairs if len(set(pair)) > 1] == []


def function_names(value):
    """T2T's values with functions (`bottom`, `top`) as their names, as hyperparameters hold them here."""
    if isinstance(value, dict):
        return {key: function_names(item) for key, item in value.items()}
    if not str(value).startswith("<function "):
        return value
    name = value.split()[1]
    return "image_channel_embeddings_targets_bottom" if name.startswith("make_targets_bottom") else name


def test_all_sets_of_every_registered_model_have_the_original_values(golden):
    sets = json.loads((golden / "hparams.json").read_text())
    here = [name for name in registry.hparams_sets if name in sets]
    assert len(here) >= 97
    for name in here:
        values = registry.hparams(name).values()
        assert values.pop("problem") is None
        assert values.pop("mask_padding") is True  # not in T2T
        assert values == function_names(sets[name]["values"]), name
    modules = {sets[name]["module"] for name in here}
    assert {name for name, entry in sets.items() if entry["module"] in modules} == set(here)


def test_all_ranges_of_every_registered_model_have_the_original_values(golden):
    ranges = json.loads((golden / "ranged_hparams.json").read_text())
    for name in registry.hparams_ranges:
        found = RangedHParams()
        registry.ranged_hparams(name)(found)
        expected = {p.pop("name"): p for p in ranges[name]["params"]}
        assert found.params == expected, name


def test_an_installed_plug_in_is_imported_once(monkeypatch):
    loaded = []

    class EntryPoint:
        def load(self):
            loaded.append(1)

    def entry_points(group):
        assert group == "tensor2keras.plugins"
        return [EntryPoint()]

    monkeypatch.setattr(registry, "_plugins_loaded", False)
    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    registry.load_plugins()
    registry.load_plugins()
    assert loaded == [1]


@pytest.mark.parametrize(
    "changes",
    [
        {"num_hidden_layers": 10_001},
        {"batch_size": 10**12},
        {"conv_sizes": [1, -(10**12)]},
        {"problem": {"vocab_size": 2**31}},
    ],
)
def test_an_integer_out_of_range_is_refused_before_a_model_is_made(changes, monkeypatch):
    monkeypatch.setattr(registry.models, "_entries", {"nothing": lambda hparams: pytest.fail("was made")})
    with pytest.raises(ValueError, match=r"hparams\.\S+=\S+ is out of range: it is at most (10000|2147483647)$"):
        registry.model("nothing", HParams(changes))


def test_a_model_of_a_file_that_cannot_be_built_names_the_file(monkeypatch):
    def fails(hparams):
        return 1 / hparams.size

    monkeypatch.setattr(registry.models, "_entries", {"fails": fails})
    for size, reason in ((0, "ZeroDivisionError: division by zero"), ("x", "TypeError: unsupported operand")):
        with pytest.raises(ValueError, match=rf"no fails can be built from a/hparams\.json: {reason}"):
            registry.model_of_file("fails", HParams(size=size), "a/hparams.json")
    with pytest.raises(ValueError, match=r"from a/hparams\.json and the overrides: "):
        registry.model_of_file("fails", HParams(size=0), "a/hparams.json", with_overrides=True)
    with pytest.raises(KeyError, match="unknown model 'fail'; did you mean fails"):
        registry.model_of_file("fail", HParams(), "a/hparams.json")
