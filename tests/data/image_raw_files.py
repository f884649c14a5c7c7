"""Original files of image data sets, made of random pixels."""

import gzip
import pickle
from pathlib import Path

import numpy as np
import tensorflow as tf


def pixels(count: int, size: int = 32, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Random images [count, size, size, channels] uint8."""
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, channels)).astype(np.uint8)


def rows(images: np.ndarray) -> np.ndarray:
    """[count, 3072]: each image's red, green and blue."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def put_binary(path: Path, images: np.ndarray, *labels: list[int]) -> None:
    """A batch of CIFAR's binary layout; `labels` are the bytes before each image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = np.array(labels, np.uint8).T
    path.write_bytes(np.concatenate([columns, rows(images)], axis=1).tobytes())


def put_python(path: Path, images: np.ndarray, **labels: list[int]) -> None:
    """A batch of CIFAR's Python layout, its keys bytes as in the original."""
    path.parent.mkdir(parents=True, exist_ok=True)
    batch = {b"data": rows(images), **{key.encode(): value for key, value in labels.items()}}
    path.write_bytes(pickle.dumps(batch, protocol=2))


def put_cifar10(folder: Path, train: np.ndarray, test: np.ndarray) -> None:
    """CIFAR-10's six binary batches; image i is of class i % 10."""
    batches = np.array_split(np.arange(len(train)), 5)
    for number, batch in enumerate(batches, start=1):
        path = folder / "cifar-10-batches-bin" / f"data_batch_{number}.bin"
        put_binary(path, train[batch], (batch % 10).tolist())
    put_binary(folder / "cifar-10-batches-bin" / "test_batch.bin", test, (np.arange(len(test)) % 10).tolist())


def idx(array: np.ndarray) -> bytes:
    """An IDX file of uint8."""
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">i4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def put_mnist(folder: Path, stem: str, images: np.ndarray, labels: list[int], compressed: bool = True) -> None:
    """MNIST's two files of one half ("train" or "t10k")."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, content in (("images-idx3", idx(images[..., 0])), ("labels-idx1", idx(np.array(labels)))):
        path = folder / f"{stem}-{kind}-ubyte{'.gz' if compressed else ''}"
        path.write_bytes(gzip.compress(content) if compressed else content)


def put_png(path: Path, image: np.ndarray) -> None:
    """A PNG file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_png(image).numpy())


def put_jpeg(path: Path, image: np.ndarray) -> None:
    """A JPEG file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_jpeg(image).numpy())
