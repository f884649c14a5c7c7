"""Progress reports of training: logged, unless the caller passes a function of its own."""

from collections.abc import Callable

from absl import logging

Report = Callable[..., None]  # report(text), or report(text, transient=True) for a line that the next one replaces


def log(text: str, transient: bool = False) -> None:
    """Logs a line with `absl.logging`, at level INFO; transient lines are left out."""
    if not transient:
        logging.info("%s", text)
