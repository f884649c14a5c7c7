"""Metrics of a trained model on a split of its data, and scores of its decoded outputs."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from tensor2keras import registry
from tensor2keras.backend import sync_variables
from tensor2keras.decoding.lines import decode_split
from tensor2keras.hparams import HParams
from tensor2keras.metrics import language_model, text_scores
from tensor2keras.training import checkpoints, loading, strategy
from tensor2keras.training.report import Report, log


def evaluate_checkpoint(
    output_dir: str | Path,
    problem: Any,
    checkpoint_path: str | Path | None = None,
    *,
    split: str = "validation",
    eval_steps: int = 100,
) -> dict[str, float]:
    """Returns the metrics of a checkpoint on a split, by T2T's names, and its "step".

    Args:
        output_dir: the run's directory.
        problem: a Problem whose data have been generated, or a problem's name.
        checkpoint_path: a checkpoint; None or "latest": the newest, "best": the best.
        split: "validation", "test" or "train".
        eval_steps: batches to take; 0 or less takes the whole split.

    Raises:
        FileNotFoundError: no run, no checkpoint or no data.
    """
    problem = registry.problem(problem) if isinstance(problem, str) else problem
    path = loading.checkpoint_file(output_dir, checkpoint_path)
    network = loading.load_model(output_dir, path)
    return {"step": checkpoints.step_of(path), **evaluate_model(network, problem, split, eval_steps)}


def evaluate_model(
    network: keras.Model, problem: Any, split: str = "validation", eval_steps: int = 100
) -> dict[str, float]:
    """Compiles a model and returns its metrics on a split, by T2T's names.

    Args:
        network: a built model.
        problem: a Problem whose data have been generated.
        split: "validation", "test" or "train".
        eval_steps: batches to take; 0 or less takes the whole split.
    """
    network.compile(jit_compile=strategy.use_xla(None, None))
    data = problem.dataset(split, network.hparams, shuffle=False, repeat=False)
    values = metrics_on(network, data, eval_steps)
    return values | TextFigures(problem)(data, eval_steps, values)


def metrics_on(network: keras.Model, data: Any, eval_steps: int, devices: Any = None) -> dict[str, float]:
    """Returns the loss and metrics of a compiled model on batches of `data`.

    Args:
        network: a compiled model.
        data: a `tf.data.Dataset` of (features, targets, weights).
        eval_steps: batches to take; 0 or less takes all.
        devices: the `tf.distribute` strategy of the model, if it has one.
    """
    with warnings.catch_warnings():  # the number of batches is not known beforehand
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        values = network.evaluate(strategy.distributable(take(data, eval_steps), devices), verbose=0, return_dict=True)
    sync_variables(network)
    return {"loss": float(values.pop("loss")), **{name: float(value) for name, value in values.items()}}


def take(data: Any, steps: int) -> Any:
    """Returns the first `steps` batches of a data set; all for 0 or less."""
    return data.take(steps) if steps > 0 else data


class TextFigures:
    """Perplexity by word and bits by character of a language model, from its `neg_log_perplexity`.

    Args:
        problem: the Problem; only language models on text have these figures.
    """

    def __init__(self, problem: Any):
        features = problem.get_hparams()["features"]
        is_text = "inputs" not in features and features.get("targets", {}).get("modality") == "symbol"
        self._encoder = problem.get_feature_encoders().get("targets") if is_text else None
        self._units: language_model.Units | None = None  # of the split, which is the same at every evaluation

    def __call__(self, data: Any, eval_steps: int, values: dict[str, float]) -> dict[str, float]:
        """Returns the figures for `values`, measured on the first `eval_steps` batches (0: all) of `data`."""
        if self._encoder is None or "neg_log_perplexity" not in values:
            return {}
        if self._units is None:
            rows = (row for _, targets, _ in take(data, eval_steps).as_numpy_iterator() for row in targets)
            self._units = language_model.count_units(self._encoder, rows)
        return language_model.figures(values["neg_log_perplexity"], self._units)


def decoded_scores(
    network: keras.Model, problem: Any, split: str, hp: HParams, tokenize: str | None = None, report: Report = log
) -> dict[str, float]:
    """Decodes a split and returns the scores of the outputs (BLEU and chrF for translation, ROUGE for summaries, ...).

    Args:
        network: a trained model.
        problem: the Problem; its `text_scores` names the scores.
        split: "validation", "test" or "train".
        hp: T2T's decoding hyperparameters.
        tokenize: BLEU's tokenizer; None: the one for the language of the problem's targets.
        report: called with what is needed to reproduce the scores.

    Raises:
        ValueError: the problem is a language model, or a library that computes a score is not installed.
    """
    if "inputs" not in problem.get_feature_encoders():
        raise ValueError(f"--decode compares outputs with targets; {problem.name} is a language model")
    require_scorers(problem, tokenize)
    decoded = decode_split(network, problem, split, hp)
    return score_outputs(problem, decoded.outputs, decoded.features["targets"], tokenize, report)


def score_outputs(
    problem: Any,
    outputs: Sequence[str],
    references: Sequence[str],
    tokenize: str | None = None,
    report: Report = log,
) -> dict[str, float]:
    """Returns the problem's scores of decoded texts, reported with their signatures; arguments as `decoded_scores`."""
    figures: dict[str, float] = {}
    for name in problem.text_scores():
        score = text_scores.score(name, outputs, references, **_scorer_options(problem, name, tokenize))
        figures |= score.figures
        report(score.report)
    return figures


def require_scorers(problem: Any, tokenize: str | None = None) -> None:
    """Raises ValueError if a library that scores the problem's outputs is not installed, or `tokenize` has no use."""
    if tokenize and "bleu" not in problem.text_scores():
        scores = ", ".join(problem.text_scores()) or "nothing"
        raise ValueError(f"--tokenize={tokenize} is for BLEU; {problem.name} is scored by {scores}")
    for name in problem.text_scores():
        text_scores.scorer(name, **_scorer_options(problem, name, tokenize))


def _scorer_options(problem: Any, name: str, tokenize: str | None) -> dict[str, Any]:
    return {"tokenize": tokenize, "language": problem.target_language} if name == "bleu" else {}
