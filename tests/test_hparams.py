"""HParams: typed, locked, overridable, JSON in and out."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensor2keras.hparams import HParams, RangedHParams, parse_overrides


def make() -> HParams:
    return HParams(size=512, rate=0.1, name="adam", flag=True, minimum=None, sizes=[1, 2], bottom={})


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("size=256", "size", 256),
        ("size=1e3", "size", 1000),
        ("rate=2", "rate", 2.0),
        ("rate=1e-3", "rate", 1e-3),
        ("name=Adafactor", "name", "Adafactor"),
        ("name='a,b'", "name", "a,b"),
        ("name=1", "name", "1"),
        ("flag=false", "flag", False),
        ("flag=0", "flag", False),
        ("flag=True", "flag", True),
        ("minimum=0.5", "minimum", 0.5),
        ("sizes=[3,4,5]", "sizes", [3, 4, 5]),
        ("bottom={'inputs': 'make_targets_bottom'}", "bottom", {"inputs": "make_targets_bottom"}),
        (" size = 3 , rate=1 ", "size", 3),
        ("name=it's,size=3", "size", 3),
        ("name=it's,size=3", "name", "it's"),
        ("name=:),size=3", "size", 3),
        ("name= 'it, is', size=3", "name", "it, is"),
        ("minimum=['a,b', \"c\"]", "minimum", ["a,b", "c"]),
    ],
)
def test_override_reads_text_as_the_type_of_the_hparam(text, name, value):
    result = make().override(text).values()[name]
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("size=1.5", "size=x", "rate=fast", "flag=3", "flag=maybe", "sizes", "=3", "bottom=3"),
        *("size=1e999", "size=-1e999", "rate=1e999", "rate=1" + "0" * 400, "bottom={[]: 1}", "size={[]: 1}"),
        *("size=" + "-" * 100_000 + "1", "rate=" + "(" * 1000 + ")" * 1000, "size=" + "9" * 5000 + ".5"),
        *("name='it,size=3", "sizes=[1,size=3", "bottom={'inputs': 'x,size=3"),
    ],
    ids=lambda text: text[:20],
)
def test_a_value_of_another_type_is_refused_and_nothing_is_set(text):
    hparams = make()
    with pytest.raises(ValueError, match=text.split("=")[0] or "name=value") as refused:
        hparams.override(f"rate=0.9,{text}")
    assert len(str(refused.value)) < 300
    assert hparams == make()


def test_a_dict_by_feature_says_how_to_write_it():
    with pytest.raises(ValueError, match=r"must be a dict by feature, such as \{'targets': 'weights_all'\}"):
        HParams(weights_fn={}).override("weights_fn=weights_all")


def test_an_unknown_name_is_refused_with_the_closest_ones():
    with pytest.raises(KeyError, match=r"unknown hparam 'sise'; closest: .*size"):
        make().override("sise=3")
    with pytest.raises(AttributeError, match="sise"):
        make().sise = 3


def test_a_value_assigned_by_attribute_keeps_its_type():
    hparams = make()
    hparams.size = 3
    with pytest.raises(TypeError):
        hparams.size = "three"


def test_add_hparam_extends_a_locked_set_once():
    hparams = make()
    hparams.add_hparam("depth", 4)
    assert hparams.depth == 4
    with pytest.raises(ValueError, match="'depth' is already set to 4"):
        hparams.add_hparam("depth", 5)


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h)), lambda h: HParams.from_json(h.to_json())],
)
def test_copies_are_equal_independent_and_locked(duplicate):
    hparams = make().override(bottom={"inputs": "x"})
    other = duplicate(hparams)
    assert other == hparams
    other.size = 1
    assert hparams.size == 512
    assert other.is_locked


@pytest.mark.parametrize(
    "change",
    [
        lambda h: setattr(h, "size", 1),
        lambda h: h.update(size=1),
        lambda h: h.override("size=1"),
        lambda h: h.set_hparam("size", 1),
        lambda h: h.add_hparam("depth", 1),
        lambda h: h.__setitem__("size", 1),
        lambda h: h.unlock().__delitem__("size"),
        lambda h: h.unlock().__setitem__("depth", 1),
        lambda h: h.bottom.inputs.__setitem__("name", "y"),
        lambda h: setattr(h.unlock().bottom, "targets", "y"),
    ],
)
def test_nothing_can_be_assigned_to_frozen_hparams(change):
    hparams = make().override(bottom={"inputs": {"name": "x"}})
    frozen = hparams.frozen()
    with pytest.raises(AttributeError, match="frozen; change a copy"):
        change(frozen)
    assert frozen == hparams
    change(hparams)  # the original can still be changed
    assert frozen != hparams


def test_frozen_hparams_share_no_list_with_the_original():
    hparams = HParams(sizes=[1, 2], problem={"shape": [4, 4]})
    frozen = hparams.frozen()
    hparams.sizes[0] = hparams.problem.shape[0] = 7
    assert (frozen.sizes, frozen.problem["shape"]) == ([1, 2], [4, 4])


def test_frozen_hparams_are_read_like_others():
    hparams = make().override(bottom={"inputs": {"name": "x"}})
    frozen = hparams.frozen()
    assert frozen.to_json() == hparams.to_json()
    assert list(frozen) == list(hparams)
    assert "size" in frozen
    assert "depth" not in frozen
    assert (frozen.get("depth", 3), frozen.size, frozen.bottom.inputs.name) == (3, 512, "x")
    assert frozen.frozen() == frozen
    with pytest.raises(AttributeError, match="closest: size"):
        _ = frozen.sise


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h)), HParams])
def test_a_copy_of_frozen_hparams_can_be_changed(duplicate):
    frozen = make().override(bottom={"inputs": {"name": "x"}}).frozen()
    other = duplicate(frozen)
    assert other == frozen
    other.size = 1
    other.bottom.inputs.name = "y"
    assert (frozen.size, frozen.bottom.inputs.name) == (512, "x")
    assert (other.size, other.bottom.inputs.name) == (1, "y")


names = st.from_regex(r"[a-z][a-z_0-9]{0,10}", fullmatch=True)
values = st.one_of(
    st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6), st.booleans(), st.from_regex(r"[a-z*]{1,9}", fullmatch=True)
)


@given(st.dictionaries(names, values, max_size=6))
def test_overrides_and_json_round_trip(settings):
    hparams = HParams(settings)
    text = ",".join(f"{name}={value}" for name, value in settings.items())
    assert parse_overrides(text).keys() == settings.keys()
    assert hparams.override(text).values() == settings
    assert HParams.from_json(hparams.to_json()).values() == settings


def test_a_range_names_its_scale():
    ranges = RangedHParams()
    ranges.set_float("learning_rate", 0.1, 1, scale=ranges.LOG_SCALE)
    ranges.set_int("layers", 1, 4)
    assert ranges.params["learning_rate"] == {
        "kind": "float", "low": 0.1, "high": 1.0, "scale": "UNIT_LOG_SCALE", "length": None,
    }  # fmt: skip
    with pytest.raises(ValueError, match="unknown scale 'log'"):
        ranges.set_float("learning_rate", 0.1, 1, scale="log")


def test_reading_an_unknown_name_is_answered_with_the_closest():
    hparams = HParams(hidden_size=4)
    with pytest.raises(AttributeError, match="unknown hparam 'hiden_size'; closest: hidden_size"):
        _ = hparams.hiden_size
    assert not hasattr(hparams, "num_layers")
    assert getattr(hparams, "num_layers", 2) == 2
