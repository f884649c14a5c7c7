"""Language models: Wikipedia, the One Billion Word benchmark, enwik8, and word-level corpora."""

from tensor2keras.data.language_model import enwik8, lm1b, wiki_lm, word_lm
