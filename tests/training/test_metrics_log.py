import pytest

from tensor2keras.training.metrics_log import MetricsFile, read


@pytest.fixture
def path(tmp_path):
    table = MetricsFile(tmp_path / "metrics.csv", ["accuracy"])
    table.append(10, "train", {"loss": 2.5, "learning_rate": 1e-3})
    table.append(10, "validation", {"loss": 2.0, "accuracy": 0.25})
    table.append(20, "train", {"loss": 1.0})
    return table.path


def test_rows_are_appended_under_fixed_columns(path):
    columns, rows = read(path)
    assert columns == ["step", "split", "loss", "learning_rate", "steps_per_second", "tokens_per_second", "accuracy"]
    assert rows[1] == {"step": 10, "split": "validation", "loss": 2.0, "accuracy": 0.25}
    assert path.read_text().splitlines()[2] == "10,validation,2,,,,0.25"


def test_half_a_line_is_removed_and_the_rest_kept(path):
    with path.open("a") as file:
        file.write("30,train,0.")
    table = MetricsFile(path, ["accuracy"], start_step=30)
    table.append(30, "train", {"loss": 0.5})
    assert [(row["step"], row["split"], row["loss"]) for row in read(path)[1]] == [
        (10, "train", 2.5), (10, "validation", 2.0), (20, "train", 1.0), (30, "train", 0.5)
    ]  # fmt: skip


def test_rows_after_the_resumed_step_are_dropped(path):
    MetricsFile(path, ["accuracy"], start_step=10)
    assert [row["step"] for row in read(path)[1]] == [10, 10]


def test_new_metrics_widen_the_table(path):
    table = MetricsFile(path, ["accuracy"], start_step=20)
    table.append(20, "validation", {"loss": 0.5, "bleu": 3.0})
    columns, rows = read(path)
    assert columns[-1] == "bleu"
    assert rows[-1]["bleu"] == 3.0
    assert [row["loss"] for row in table.of_split("validation")] == [2.0, 0.5]
