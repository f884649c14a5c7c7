"""Small corpora of the layouts that the problems of Tensor2Tensor's README read."""

import hashlib
from pathlib import Path

from tensor2keras.data.language_model import lm1b
from tests.data.image_raw_files import pixels, put_cifar10, put_jpeg, put_mnist, put_png
from tests.data.raw_files import lines, put, put_tar
from tests.data.recordings import tone, write

NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
ZAHLEN = ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn"]


def sentences(words, count=60):
    """Sentences of four words each, every one another."""
    return lines(*(" ".join(words[(i * k) % len(words)] for k in (1, 3, 7, 9)) + f" {i}." for i in range(count)))


def translation(raw: Path) -> None:
    """WMT's archives as T2T downloads them."""
    english, german = sentences(NUMBERS), sentences(ZAHLEN)
    for archive, stem in (
        ("training-parallel-nc-v13", "training-parallel-nc-v13/news-commentary-v13"),
        ("training-parallel-commoncrawl", "commoncrawl"),
        ("training-parallel-europarl-v7", "training/europarl-v7"),
    ):
        put_tar(raw / f"{archive}.tgz", {f"{stem}.de-en.en": english, f"{stem}.de-en.de": german})
    put_tar(raw / "dev.tgz", {"dev/newstest2013.en": english[:200], "dev/newstest2013.de": german[:200]})
    short = {f"dev/newstest2013.{language}": lines(f"{language} one.", f"{language} two.") for language in ("en", "de")}
    put_tar(raw / "dev.tgz", short)


def penn_treebank(raw: Path) -> None:
    """Mikolov's archive."""
    text = sentences(NUMBERS)
    names = [f"./simple-examples/data/ptb.{kind}{part}.txt" for kind in ("", "char.") for part in ("train", "valid")]
    put_tar(raw / "simple-examples.tgz", dict.fromkeys(names, text))


def billion_words(raw: Path) -> None:
    """The benchmark's parts and its vocabulary."""
    parts = {name: sentences(NUMBERS, 5) for names in lm1b.FILES.values() for name in names}
    put(raw, {**parts, "vocab-2016-09-10.txt.en": lines(*NUMBERS)})


def reviews(raw: Path) -> None:
    """Maas's folder of reviews."""
    files = {
        f"aclImdb/{part}/{label}/{i}_1.txt": f"This film is {word} {i}.<br />See it?".encode()
        for part in ("train", "test")
        for label, word in (("pos", "good"), ("neg", "bad"))
        for i in range(20)
    }
    put_tar(raw / "aclImdb_v1.tar.gz", files)


def articles(raw: Path) -> None:
    """Stories and lists of their addresses."""
    story = "{} went home. It was late.\n\nThen it rained\n\n@highlight\n\n{} is home\n\n@highlight\n\nIt rains\n"
    urls = {part: [f"http://{part}/{i}" for i in range(30)] for part in ("train", "val", "test")}
    put(raw, {f"all_{part}.txt": lines(*found) for part, found in urls.items()})
    names = [f"{hashlib.sha1(url.encode()).hexdigest()}.story" for found in urls.values() for url in found]
    texts = [story.format(word, word).encode() for word in NUMBERS * 9]
    put_tar(raw / "cnn_stories.tgz", {f"cnn/stories/{n}": t for n, t in zip(names[::2], texts, strict=False)})
    put_tar(
        raw / "dailymail_stories.tgz", {f"dailymail/stories/{n}": t for n, t in zip(names[1::2], texts, strict=False)}
    )


def sums(raw: Path) -> None:
    """Wangperawong's file."""
    tasks = lines(*(f"x={x},y={3 * x},y-x:{2 * x}" for x in range(100)))
    put_tar(raw / "mathematical_language_understanding_train.tar.gz", {"symbolic_math_train.txt": tasks})


def stories(raw: Path) -> None:
    """Weston's folder."""
    from tensor2keras.data.question_answering.babi_qa import TASK_NAMES

    text = lines("1 Mary moved to the hall.", "2 Where is Mary? \thall\t1", "3 John is here.", "4 Who? \tJohn\t3") * 20
    names = [f"tasks_1-20_v1-2/en/{task}_{part}.txt" for task in TASK_NAMES[1:] for part in ("train", "test")]
    put_tar(raw / "tasks_1-20_v1-2.tar.gz", dict.fromkeys(names, text))


def digits(raw: Path) -> None:
    """MNIST's four files."""
    for stem in ("train", "t10k"):
        put_mnist(raw, stem, pixels(20, 28, 1), [i % 10 for i in range(20)])


def small_pictures(raw: Path) -> None:
    """CIFAR-10's binary batches."""
    put_cifar10(raw, pixels(20), pixels(10, seed=1))


def photographs(raw: Path) -> None:
    """ImageNet's folders of classes."""
    for split in ("train", "val"):
        for i in range(8):
            put_jpeg(raw / split / f"n{i % 2}" / f"{i}.JPEG", pixels(1, 48, seed=i)[0])


def downsampled_photographs(raw: Path) -> None:
    """ImageNet at 32 x 32."""
    for folder in ("train", "valid"):
        for i in range(8):
            put_png(raw / f"{folder}_32x32" / f"{i}.png", pixels(1, seed=i)[0])


def faces(raw: Path) -> None:
    """CelebA's folder."""
    for i in range(40):
        put_jpeg(raw / "img_align_celeba" / f"{i:06}.jpg", pixels(1, 218, seed=i)[0, :, :178])


def read_books(raw: Path) -> None:
    """LibriSpeech's folders, a chapter each."""
    for name in ("train-clean-100", "train-clean-360", "train-other-500", "dev-clean", "dev-other", "test-clean"):
        chapter = raw / "LibriSpeech" / name / "84" / "121"
        for i in range(len(NUMBERS)):
            write(chapter / f"84-121-{i:04d}.flac", tone(300 + 100 * i, 0.4))
        texts = [f"84-121-{i:04d} {word.upper()}" for i, word in enumerate(NUMBERS)]
        (chapter / "84-121.trans.txt").write_bytes(lines(*texts))
