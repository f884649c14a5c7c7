"""Imports every module that registers problems (T2T's `all_problems.py`)."""

from tensor2keras.data import (  # noqa: F401
    algorithmic,
    algorithmic_math,
    babi_qa,
    celeba,
    cifar,
    cnn_dailymail,
    enwik8,
    glue,
    image_digits,
    imagenet,
    imdb,
    lm1b,
    mnist,
    number_words,
    squad,
    translate,
    user_files,
    user_images,
    wiki_lm,
    word_lm,
)
