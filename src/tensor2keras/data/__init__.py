"""Problems, text encoders and batches.

Importing the package loads no TensorFlow, so that encoders can be used alone; `all_problems` registers every problem.
"""

from tensor2keras import lazy

__all__, __getattr__, __dir__ = lazy.exports(
    __name__,
    {
        "problem": ["Problem"],
        "space_id": ["SpaceID"],
        "splits": ["DatasetSplit"],
        "user_files": ["from_files", "from_tfds"],
    },
)
