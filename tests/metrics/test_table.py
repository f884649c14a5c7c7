"""The table of metrics: sums over batches, a figure from the sums."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import metrics
from tensor2keras.metrics import table
from tests.metrics.updates import evaluate


def test_a_ratio_of_nothing_is_zero():
    assert float(table.ratio(ops.convert_to_tensor([3.0, 4.0]))) == 0.75
    assert float(table.ratio(ops.convert_to_tensor([0.0, 0.0]))) == 0.0


def test_a_registered_function_is_a_metric_under_each_of_its_names(monkeypatch):
    for name in ("doubled_sum", "share_of_ones"):  # the entries go when the test ends
        monkeypatch.setitem(table.TABLE, name, None)

    @table.register("share_of_ones")
    def share_of_ones(y_true, y_pred, sample_weight):
        return ops.sum(ops.cast(ops.equal(y_true, 1), "float32")), float(np.prod(y_true.shape))

    @table.register("doubled_sum", size=1, finish=lambda sums: 2.0 * sums[0])
    def doubled_sum(y_true, y_pred, sample_weight):
        return [ops.sum(y_true)]

    batches = [(np.array([[1, 2]]), None), (np.array([[1, 1]]), None)]
    assert evaluate("share_of_ones", *batches) == pytest.approx(0.75)
    assert evaluate("doubled_sum", *batches) == pytest.approx(10.0)
    assert {"share_of_ones", "doubled_sum"} <= set(metrics.names())
