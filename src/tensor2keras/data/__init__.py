"""Problems, text encoders and batches. Importing this registers every problem of the package."""

from tensor2keras.data import algorithmic, number_words, translate, user_files  # noqa: F401  # for what they register
from tensor2keras.data.problem import DatasetSplit, Problem, SpaceID

__all__ = ["DatasetSplit", "Problem", "SpaceID"]
