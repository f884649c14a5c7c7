"""Imports every module that registers problems (T2T's `all_problems.py`)."""

from tensor2keras.data import algorithmic, number_words, translate, user_files  # noqa: F401
