"""Translation: the corpora of WMT and IWSLT, and spelled-out numbers."""

from tensor2keras.data.translation import number_words, wmt
