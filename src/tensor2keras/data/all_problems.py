"""Imports every module that registers problems (T2T's `all_problems.py`)."""

from tensor2keras.data import (  # noqa: F401
    algorithmic,
    classification,
    images,
    language_model,
    question_answering,
    speech,
    summarization,
    translation,
    user_files,
)
