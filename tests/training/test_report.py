from tensor2keras.training.report import log


def test_lines_are_logged_and_progress_bars_are_not(caplog):
    with caplog.at_level("INFO", logger="absl"):
        log("step 100: 50 % done")
        log("step 101", transient=True)
    assert [record.getMessage() for record in caplog.records] == ["step 100: 50 % done"]
