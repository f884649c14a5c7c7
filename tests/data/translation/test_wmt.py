"""Translation problems on files laid out as T2T's archives are, and on mocked tfds data sets; never on the network."""

import gzip
import io
import json
import tarfile
import zipfile

import pytest
import tensorflow_datasets as tfds

from tensor2keras import registry
from tensor2keras.data import sources

# name: (vocabulary file(s), packed length, tfds data set), T2T's values
VALUES = {
    "translate_ende_wmt32k": (["vocab.translate_ende_wmt32k.32768.subwords"], None, "wmt_t2t_translate/de-en"),
    "translate_ende_wmt32k_packed": (["vocab.translate_ende_wmt32k.32768.subwords"], 256, "wmt_t2t_translate/de-en"),
    "translate_ende_wmt8k": (["vocab.translate_ende_wmt8k.8192.subwords"], None, "wmt_t2t_translate/de-en"),
    "translate_ende_wmt8k_packed": (["vocab.translate_ende_wmt8k.8192.subwords"], 256, "wmt_t2t_translate/de-en"),
    "translate_ende_wmt_characters": ([], None, "wmt_t2t_translate/de-en"),
    "translate_enfr_wmt_small8k": (["vocab.translate_enfr_wmt_small8k.8192.subwords"], None, None),
    "translate_enfr_wmt_small32k": (["vocab.translate_enfr_wmt_small32k.32768.subwords"], None, None),
    "translate_enfr_wmt_small_characters": ([], None, None),
    "translate_enfr_wmt8k": (["vocab.translate_enfr_wmt8k.8192.subwords"], None, "wmt14_translate/fr-en"),
    "translate_enfr_wmt32k": (["vocab.translate_enfr_wmt32k.32768.subwords"], None, "wmt14_translate/fr-en"),
    "translate_enfr_wmt32k_packed": (["vocab.translate_enfr_wmt32k.32768.subwords"], 256, "wmt14_translate/fr-en"),
    "translate_enfr_wmt_characters": ([], None, "wmt14_translate/fr-en"),
    "translate_encs_wmt32k": (["vocab.translate_encs_wmt32k.32768.subwords"], None, "wmt14_translate/cs-en"),
    "translate_encs_wmt_characters": ([], None, "wmt14_translate/cs-en"),
    "translate_enro_wmt8k": (["vocab.translate_enro_wmt8k.8192.subwords"], None, "wmt16_translate/ro-en"),
    "translate_enro_wmt32k": (["vocab.translate_enro_wmt32k.32768.subwords"], None, "wmt16_translate/ro-en"),
    "translate_enro_wmt_characters": ([], None, "wmt16_translate/ro-en"),
    "translate_envi_iwslt32k": (["vocab.translate_envi_iwslt32k.32768.subwords"], None, None),
    "translate_enzh_wmt32k": (
        ["vocab.translate_enzh_wmt32k.32768.subwords.en", "vocab.translate_enzh_wmt32k.32768.subwords.zh"],
        None,
        "wmt17_translate/zh-en",
    ),
    "translate_enzh_wmt8k": (
        ["vocab.translate_enzh_wmt8k.8192.subwords.en", "vocab.translate_enzh_wmt8k.8192.subwords.zh"],
        None,
        None,
    ),
}


@pytest.fixture
def dirs(tmp_path):
    (tmp_path / "raw").mkdir()
    return {"data_dir": str(tmp_path / "data"), "tmp_dir": str(tmp_path / "raw")}


@pytest.fixture
def no_network(monkeypatch):
    monkeypatch.setattr(sources, "network_reachable", lambda *args, **kwargs: False)


def write_tar(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def lines(*texts):
    return "".join(text + "\n" for text in texts).encode()


@pytest.mark.parametrize("name", VALUES)
def test_values_are_t2ts(name, dirs, golden):
    problem = registry.problem(name, **dirs)
    assert (problem.vocabulary_files(), problem.packed_length, problem.tfds_name) == VALUES[name]
    assert name in json.loads((golden / "problems.json").read_text())["problems"]
    assert {"train", "validation"} == {split["split"] for split in problem.dataset_splits}


@pytest.mark.parametrize("name", [name for name, (*_, tfds_name) in VALUES.items() if tfds_name])
def test_tfds_carries_the_languages(name, dirs):
    problem = registry.problem(name, **dirs)
    builder = tfds.builder(problem.tfds_name, data_dir=dirs["data_dir"])
    assert set(problem.languages) == set(builder.info.features)
    assert {"train", "validation"} <= set(builder.subsets)


def ende_files(tmp_path):
    raw = tmp_path / "raw"
    write_tar(
        raw / "training-parallel-nc-v13.tgz",
        {
            "./training-parallel-nc-v13/news-commentary-v13.de-en.en": lines("News one.", "", "News three."),
            "./training-parallel-nc-v13/news-commentary-v13.de-en.de": lines(
                "Nachricht eins.", "Zwei.", "Nachricht drei."
            ),
            "training-parallel-nc-v13/news-commentary-v13.cs-en.en": lines("other"),
        },
    )
    write_tar(
        raw / "training-parallel-commoncrawl.tgz",
        {"commoncrawl.de-en.en": lines("A crawl."), "commoncrawl.de-en.de": lines("Ein Fund.")},
    )
    (raw / "training").mkdir()  # already extracted, one side still compressed
    (raw / "training/europarl-v7.de-en.en").write_bytes(lines("Mr President."))
    (raw / "training/europarl-v7.de-en.de.gz").write_bytes(gzip.compress(lines("Herr Präsident.")))
    write_tar(raw / "dev.tgz", {"dev/newstest2013.en": lines("A test."), "dev/newstest2013.de": lines("Ein Test.")})


ENDE_TRAIN = [
    {"inputs": "News one.", "targets": "Nachricht eins."},
    {"inputs": "News three.", "targets": "Nachricht drei."},
    {"inputs": "A crawl.", "targets": "Ein Fund."},
    {"inputs": "Mr President.", "targets": "Herr Präsident."},
]


def test_t2ts_archives_and_extracted_files(dirs, tmp_path, no_network):
    ende_files(tmp_path)
    problem = registry.problem("translate_ende_wmt8k", **dirs)
    assert list(problem.generate_samples(**dirs, dataset_split="train")) == ENDE_TRAIN
    assert list(problem.generate_samples(**dirs, dataset_split="validation")) == [
        {"inputs": "A test.", "targets": "Ein Test."}
    ]
    assert not (tmp_path / "raw/training-parallel-nc-v13/news-commentary-v13.cs-en.en").exists()  # not asked for


def test_generation_end_to_end_with_packed_problem_sharing_the_vocabulary(dirs, tmp_path, no_network):
    ende_files(tmp_path)
    packed = registry.problem("translate_ende_wmt8k_packed", **dirs)
    packed.generate_data()
    assert (tmp_path / "data/vocab.translate_ende_wmt8k.8192.subwords").exists()
    assert packed.info.splits["train"].num_examples == 4
    encoder = packed.get_feature_encoders()["targets"]
    decoded = {
        encoder.decode(example["targets"][:-1]) for example in packed.as_dataset(split="train").as_numpy_iterator()
    }
    assert decoded == {sample["targets"] for sample in ENDE_TRAIN}
    hparams = registry.problem("translate_ende_wmt8k_packed_rev", **dirs).get_hparams()
    assert hparams["was_reversed"]
    assert hparams["features"]["inputs"]["vocab_size"] == encoder.vocab_size


def test_sgm_and_zip(dirs, tmp_path, no_network):
    raw = tmp_path / "raw"
    write_tar(
        raw / "ro-en.tgz", {"europarl-v7.ro-en.en": lines("Resumption."), "europarl-v7.ro-en.ro": lines("Reluare.")}
    )
    with zipfile.ZipFile(raw / "en-ro.txt.zip", "w") as archive:
        archive.writestr("SETIMES.en-ro.en", "Good.\n")
        archive.writestr("SETIMES.en-ro.ro", "Bun.\n")
    segments = '<srcset setid="1">\n<doc>\n<p>\n<seg id="1">{} > 1</seg>\n</p>\n</doc>\n</srcset>\n'
    write_tar(
        raw / "dev-romanian-updated.tgz",
        {
            "dev/newsdev2016-roen-ref.en.sgm": segments.format("One").encode(),
            "dev/newsdev2016-roen-src.ro.sgm": segments.format("Unu").encode(),
        },
    )
    problem = registry.problem("translate_enro_wmt32k", **dirs)
    assert [s["targets"] for s in problem.generate_samples(**dirs, dataset_split="train")] == ["Reluare.", "Bun."]
    assert list(problem.generate_samples(**dirs, dataset_split="validation")) == [
        {"inputs": "One > 1", "targets": "Unu > 1"}
    ]


def test_tables(dirs, tmp_path, no_network):
    raw = tmp_path / "raw"
    table = lines("id1\t0.9\tČesky.\tCzech.", "broken", "id2\t0.8\t\tno Czech")
    write_tar(raw / "data-plaintext-format.tar", {"data.plaintext-format/01train.gz": gzip.compress(table)}, mode="w")
    for archive, stem in [
        ("training-parallel-nc-v13", "training-parallel-nc-v13/news-commentary-v13"),
        ("training-parallel-commoncrawl", "commoncrawl"),
        ("training-parallel-europarl-v7", "training/europarl-v7"),
    ]:
        write_tar(
            raw / f"{archive}.tgz", {f"{stem}.cs-en.en": lines(archive), f"{stem}.cs-en.cs": lines("cs " + archive)}
        )
    problem = registry.problem("translate_encs_wmt32k", **dirs)
    samples = list(problem.generate_samples(**dirs, dataset_split="train"))
    assert samples[0] == {"inputs": "Czech.", "targets": "Česky."}
    assert len(samples) == 4
    assert set(problem.generate_text_for_vocab(**dirs)) >= {"Czech.", "Česky.", "training-parallel-commoncrawl"}


def test_chinese_has_two_vocabularies_and_uses_registered_corpora_when_there(dirs, tmp_path, no_network):
    raw = tmp_path / "raw"
    write_tar(
        raw / "training-parallel-nc-v13.tgz",
        {
            "training-parallel-nc-v13/news-commentary-v13.zh-en.en": lines("China today."),
            "training-parallel-nc-v13/news-commentary-v13.zh-en.zh": lines("今天的中国。"),
        },
    )
    problem = registry.problem("translate_enzh_wmt8k", **dirs)
    assert len(list(problem.generate_samples(**dirs, dataset_split="train"))) == 1
    write_tar(raw / "UNv1.0.en-zh.tar.gz", {"en-zh/UNv1.0.en-zh.en": lines("A"), "en-zh/UNv1.0.en-zh.zh": lines("甲")})
    assert len(list(problem.generate_samples(**dirs, dataset_split="train"))) == 1
    large = registry.problem("translate_enzh_wmt32k", **dirs)
    assert len(list(large.generate_samples(**dirs, dataset_split="train"))) == 2
    segment = '<seg id="1">{}</seg>\n'
    write_tar(
        raw / "dev.tgz",
        {
            "dev/newsdev2017-enzh-src.en.sgm": segment.format("Today.").encode(),
            "dev/newsdev2017-enzh-ref.zh.sgm": segment.format("今天。").encode(),
        },
    )
    problem.generate_data()
    encoders = problem.get_feature_encoders()
    assert encoders["inputs"].vocab_size != encoders["targets"].vocab_size
    example = next(problem.as_dataset(split="validation").as_numpy_iterator())
    assert encoders["targets"].decode(example["targets"][:-1]) == "今天。"


def test_some_corpora_missing_is_an_error_not_a_smaller_set(dirs, tmp_path, no_network):
    ende_files(tmp_path)
    (tmp_path / "raw/training-parallel-commoncrawl.tgz").unlink()
    problem = registry.problem("translate_ende_wmt32k", **dirs)
    with pytest.raises(FileNotFoundError, match=r"put training-parallel-commoncrawl\.tgz"):
        problem.generate_samples(**dirs, dataset_split="train")


def test_archive_without_the_files_is_named(dirs, tmp_path, no_network):
    write_tar(tmp_path / "raw/train-en-vi.tgz", {"train.en": lines("a")})
    problem = registry.problem("translate_envi_iwslt32k", **dirs)
    with pytest.raises(ValueError, match=r"train-en-vi.tgz does not hold train.en and train.vi"):
        list(problem.generate_samples(**dirs, dataset_split="train"))
