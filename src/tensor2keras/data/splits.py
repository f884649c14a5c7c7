"""The splits of a data set: their names, the names that files give them, and the share held out for validation."""


class DatasetSplit:
    """Names of the splits, which are those of tfds."""

    TRAIN = "train"
    EVAL = "validation"
    TEST = "test"


# Split -> names under which the user's files and folders are looked for, the first found wins.
SPLIT_NAMES = {
    DatasetSplit.TRAIN: ("train",),
    DatasetSplit.EVAL: ("eval", "dev", "val", "valid", "validation"),
    DatasetSplit.TEST: ("test",),
}

HOLD_OUT = 20  # every 20th training sample is held out if there are no validation files
