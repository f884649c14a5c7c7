"""A problem that counts, for tests of `Problem`."""

from tensor2keras.data.problem import Problem
from tensor2keras.data.space_id import SpaceID
from tensor2keras.symbols import EOS_ID


class Counting(Problem):
    """Targets count up to the input."""

    samples = 41

    @property
    def dataset_splits(self):
        return [{"split": "train", "shards": 3}, {"split": "validation", "shards": 1}]

    def generate_encoded_samples(self, data_dir, tmp_dir, dataset_split):
        for number in range(2, 2 + self.samples):
            yield {"inputs": [number, EOS_ID], "targets": [*range(2, number), EOS_ID]}

    def hparams(self, defaults, model_hparams):
        defaults.modality = {"inputs": "symbol", "targets": "symbol"}
        defaults.vocab_size = {"inputs": 100, "targets": 50}
        defaults.input_space_id = SpaceID.DIGIT_0
        defaults.target_space_id = SpaceID.DIGIT_1


class CountingOnce(Counting):
    """As Counting, dealt out over the splits."""

    is_generate_per_split = False


def first_inputs(problem, split):
    return sorted(int(example["inputs"][0]) for example in problem.as_dataset(split=split).as_numpy_iterator())
