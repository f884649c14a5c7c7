"""The class of all metrics: names, config, sums over batches."""

import keras
import numpy as np
import pytest

from tensor2keras import metrics

LABELS = np.array([[3, 1, 2, 0], [2, 2, 0, 0]], "int32")
LOGITS = 5 * np.eye(4, dtype="float32")[[[3, 1, 1, 0], [2, 3, 0, 0]]]  # 3 of 5 are right


def test_batches_are_summed_not_averaged():
    metric = metrics.get("accuracy")
    for row in range(2):
        metric.update_state(LABELS[row : row + 1], LOGITS[row : row + 1])
    assert float(metric.result()) == pytest.approx(3 / 5)  # the mean of 2/3 and 1/2 is another
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_the_config_makes_the_same_metric():
    metric = metrics.get("accuracy_top5")
    copy = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert (copy.name, copy.get_config()) == (metric.name, metric.get_config())
    assert metrics.StreamingMetric("accuracy", name="share").get_config()["name"] == "share"


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(KeyError, match=r"unknown metric 'acuracy'; did you mean .*accuracy"):
        metrics.get("acuracy")


def test_every_name_of_the_table_makes_a_metric():
    for name in metrics.names():
        assert metrics.get(name).name == name
