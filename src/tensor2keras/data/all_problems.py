"""Imports every module that registers problems (T2T's `all_problems.py`)."""

from tensor2keras.data.algorithmic import (
    algorithmic,  # noqa: F401
    algorithmic_math,  # noqa: F401
)
from tensor2keras.data.classification import (
    glue,  # noqa: F401
    imdb,  # noqa: F401
)
from tensor2keras.data.images import (
    celeba,  # noqa: F401
    cifar,  # noqa: F401
    image_digits,  # noqa: F401
    imagenet,  # noqa: F401
    mnist,  # noqa: F401
)
from tensor2keras.data.language_model import (
    enwik8,  # noqa: F401
    lm1b,  # noqa: F401
    wiki_lm,  # noqa: F401
    word_lm,  # noqa: F401
)
from tensor2keras.data.question_answering import (
    babi_qa,  # noqa: F401
    squad,  # noqa: F401
)
from tensor2keras.data.speech import (
    common_voice,  # noqa: F401
    librispeech,  # noqa: F401
    speech,  # noqa: F401
)
from tensor2keras.data.summarization import cnn_dailymail  # noqa: F401
from tensor2keras.data.translation import number_words  # noqa: F401
from tensor2keras.data.translation import wmt as translate  # noqa: F401
from tensor2keras.data.user_files import images as user_images  # noqa: F401
from tensor2keras.data.user_files import text as user_files  # noqa: F401
