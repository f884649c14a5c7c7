"""The commands' common parts: flags, help, `--registry_help`, `--t2t_usr_dir`, `--hp_NAME VALUE`, one-line errors.

A command is a module with `define_flags(flags)`, which adds its own flags with `absl.flags.DEFINE_*(...,
flag_values=flags, module_name="heading in --help")`, and `run(args)`, which checks them, calls the library and prints.
Nothing imports TensorFlow or Keras before `run` does, so `--help` answers at once.
"""

import difflib
import inspect
import os
import re
import sys
import tempfile
import textwrap
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from absl import flags as absl_flags

from tensor2keras import files
from tensor2keras._import_hooks import MissingBackendError, find_devices_quietly
from tensor2keras.cli import usr_dirs

# Tensor2Tensor's flags that have no effect: why -> (boolean flags, flags with a value). A command that does not define
# such a flag accepts it and says so in one line.
_WITHOUT_EFFECT = {
    "TPUs are not configured as in TF1; Keras 3 finds the machine's accelerators": (
        "use_tpu use_tpu_estimator",
        "tpu_num_shards tpu_job_name tpu_infeed_sleep_secs cloud_tpu_name iterations_per_loop",
    ),
    "jobs are started with the cloud's own tools": ("cloud_mlengine", "cloud_mlengine_master_type job_dir"),
    "TF1's parameter servers and job names no longer exist; TF_CONFIG describes a cluster": (
        "sync",
        "master std_server_protocol ps_gpu ps_job ps_replicas worker_id worker_job worker_replicas",
    ),
    "tf.distribute is used whenever there is more than one device": ("optionally_use_dist_strat", ""),
    "TensorFlow 2 allocates GPU memory and places operations by itself": (
        "log_device_placement",
        "gpu_order worker_gpu_memory_fraction",
    ),
    "there is no TF1 graph or session to configure": (
        "enable_graph_rewriter disable_grappler_optimizations use_guarantee_const_getter",
        "xla_jit_level",
    ),
    "set --hp_activation_dtype=float16 or bfloat16 instead": ("gpu_automatic_mixed_precision", ""),
    "TF1's tfdbg and chrome://tracing are not supported; TensorBoard reads the events in output_dir": (
        "tfdbg dbgprofile profile",
        "",
    ),
    "training exports no model": ("export_saved_model", "export_saved_model_api_version"),
    "training and evaluation alternate in one process": ("", "eval_timeout_mins eval_throttle_seconds"),
    "t2t-decoder and t2t-bleu score decoded outputs": ("eval_run_autoregressive", ""),
    "the newest keep_checkpoint_max checkpoints and the best one are kept": ("", "keep_checkpoint_every_n_hours"),
    "decoding always happens in memory": ("decode_in_memory", ""),
    "t2t-decoder decodes": ("", "decode_hparams decode_from_file decode_to_file decode_reference"),
    "t2t-trainer trains one model; it does not search hyperparameters": (
        "autotune_maximize",
        "hparams_range autotune_objective autotune_max_trials autotune_parallel_trials",
    ),
}
# name -> (is it a boolean flag?, why)
IGNORED_FLAGS: dict[str, tuple[bool, str]] = {
    name: (is_boolean, why)
    for why, kinds in _WITHOUT_EFFECT.items()
    for is_boolean, names in zip((True, False), kinds, strict=True)
    for name in names.split()
}

_PATH_FLAG = re.compile(
    r"(_dir|_file|_path|^from|_from|_prefix|_reference|^checkpoints|^prefix|^source|^reference|^translation.*)$"
)
_GENERAL = "General"
# Errors whose messages are written for the user.
_EXPECTED = (KeyError, ValueError, OSError, MemoryError, MissingBackendError, absl_flags.Error)
_HELP = textwrap.TextWrapper(
    118, initial_indent="  ", subsequent_indent=" " * 41, break_long_words=False, break_on_hyphens=False
)
TOKENIZE_HELP = "BLEU's tokenizer: 13a, intl, zh, ja-mecab, ko-mecab, char, none, flores200, ... (sacreBLEU's names)."
DEFAULT_TMP_DIR = "/tmp/t2t_datagen"


def run(
    program: str,
    doc: str | None,
    define_flags: Callable[[absl_flags.FlagValues], None],
    command: Callable[[SimpleNamespace], int | None],
    argv: Sequence[str] | None = None,
) -> int:
    """Parses the command line, runs the command and returns its exit code.

    Args:
        program: the command's name, for messages ("t2t-trainer").
        doc: the command's module docstring, printed by `--help`; it holds an example.
        define_flags: adds the command's flags to the FlagValues it is given.
        command: takes the flags' values as attributes; `args.hp` is the dict of all `--hp_NAME VALUE`.
        argv: arguments without the program's name; None means `sys.argv[1:]`.

    Returns:
        0, or the code that `command` returns; 2 for a user error (one line, without a traceback unless `--debug` is
        given or T2K_DEBUG is set), 1 for a loss that is not finite and for a fault of the library (the traceback is in
        a file that the line names), 130 when interrupted.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in argv or bool(os.environ.get("T2K_DEBUG"))
    find_devices_quietly()
    try:
        flags = absl_flags.FlagValues()
        define_flags(flags)
        _define_general_flags(flags)
        if {"-h", "--help", "--helpshort", "--helpfull"} & set(argv):
            print(help_text(program, doc, flags))
            return 0
        args = parse(program, flags, argv)
        if args.version:
            from tensor2keras import __version__

            print(f"{program} (tensor2keras {__version__})")
            return 0
        usr_dirs.import_given(args.t2t_usr_dir)
        if args.registry_help:
            print(registry_listing())
            return 0
        return command(args) or 0
    except KeyboardInterrupt as stop:
        print(f"{program}: {str(stop) or 'interrupted'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the output has ended (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except _one_line_errors() as error:
        if debug:
            traceback.print_exc()
        expected = isinstance(error, (*_EXPECTED, FloatingPointError))
        line = error_line(error) if expected else unexpected_line(error)
        print(f"{program}: {line}", file=sys.stderr)
        return 1 if isinstance(error, FloatingPointError) else 2
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(f"{program}: {_fault_line(program, argv, error)}", file=sys.stderr)
        return 1


def define_common_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the flags that name a problem, a model and its hyperparameters, and the directories."""
    names, places = "Problem and model", "Directories"
    for name, default, text, heading in (
        ("problem", None, "Problem: the data set and task. --registry_help lists all.", names),
        ("model", None, "Model: the architecture.", names),
        ("hparams_set", None, "Hyperparameter set: the model's size and its training.", names),
        ("hparams", "", "Overrides of the set, `name=value,name2=value2`; --hp_NAME VALUE sets one.", names),
        ("data_dir", None, "Directory of the generated data and vocabularies.", places),
        ("tmp_dir", DEFAULT_TMP_DIR, "Directory of downloads and of your own raw files.", places),
        ("output_dir", "", "Directory of one training run: checkpoints, metrics, events.", places),
    ):
        absl_flags.DEFINE_string(name, default, text, flag_values=flags, module_name=heading)


def define_trust_flag(flags: absl_flags.FlagValues) -> None:
    """Adds the flag of commands that import the code which a run was trained with."""
    text = (
        "Import the --t2t_usr_dir that flags.txt of the run names, although you have never given it on this machine; "
        "--notrust_usr_dir goes on without it."
    )
    absl_flags.DEFINE_bool("trust_usr_dir", None, text, flag_values=flags, module_name="Directories")


def _define_general_flags(flags: absl_flags.FlagValues) -> None:
    here = {"flag_values": flags, "module_name": _GENERAL}
    text = "Your own code: directories (or .py files), separated by commas, imported before names are looked up."
    absl_flags.DEFINE_string("t2t_usr_dir", "", text, **here)
    absl_flags.DEFINE_bool("registry_help", False, "List every registered name and stop.", **here)
    absl_flags.DEFINE_bool("debug", False, "Show the traceback of an error (as T2K_DEBUG=1 does).", **here)
    absl_flags.DEFINE_bool("version", False, "Print the version and stop.", **here)


def parse(program: str, flags: absl_flags.FlagValues, argv: Sequence[str]) -> SimpleNamespace:
    """Returns the flags' values as attributes, paths expanded.

    Further attributes: `hp`, the dict of `--hp_NAME VALUE`, and `given`, the command's flags with absolute paths, which
    repeat the command from any directory.

    Raises:
        ValueError: an unknown flag (with the closest names), a missing value, an argument that is not a flag.
        absl.flags.Error: a value of the wrong type.
    """
    flags.set_gnu_getopt(True)
    arguments, hp = iter(flags.read_flags_from_files(list(argv), force_gnu=True)), {}
    known = []
    for argument in arguments:
        if not argument.startswith("--") or argument == "--":
            known.append(argument)
            continue
        name, equals, value = argument[2:].partition("=")
        name = name.replace("-", "_")
        positive = name.removeprefix("no") if name not in flags else name
        ignored = name if name in IGNORED_FLAGS else positive
        if name.startswith("hp_"):
            hp[name[3:]] = value if equals else _next_value(arguments, name)
        elif name in flags or (positive in flags and flags[positive].boolean):
            known.append(f"--{name}{equals}{value}")
            if not equals and name in flags and not flags[name].boolean:
                known[-1] += "=" + _next_value(arguments, name)
        elif ignored in IGNORED_FLAGS:
            is_boolean, why = IGNORED_FLAGS[ignored]
            if not is_boolean and not equals:
                _next_value(arguments, name)
            print(f"{program}: --{name} is accepted and ignored: {why}", file=sys.stderr)
        else:
            close = difflib.get_close_matches(name, [*flags, *IGNORED_FLAGS], n=3, cutoff=0.6)
            hint = f"did you mean {', '.join('--' + c for c in close)}?" if close else "--help lists the flags"
            raise ValueError(f"unknown flag --{name}; {hint}")
    positional = flags([program, *known])[1:]
    if positional:
        raise ValueError(f"unexpected argument {positional[0]!r}: every setting is a flag (--help lists them)")
    values = {name: _expand(name, flags[name].value) for name in flags}
    given = [_with_absolute_path(flag) for flag in known if flag != "--debug"]
    return SimpleNamespace(**values, hp=hp, given=[*given, *(f"--hp_{name}={value}" for name, value in hp.items())])


def _next_value(arguments: Iterator[str], name: str) -> str:
    value = next(arguments, None)
    if value is None:
        raise ValueError(f"--{name} needs a value")
    return value


def _expand(name: str, value: Any) -> Any:
    """Returns a path flag's value with `~` and `$VARS` expanded; raises ValueError for a variable that is not set."""
    if not isinstance(value, str) or not _PATH_FLAG.search(name):
        return value
    parts = [files.expand(part) for part in value.split(",")]
    for part in parts:
        if unset := re.match(r".*\$\{?(\w+)", part):
            raise ValueError(f"--{name}={value}: the environment variable {unset[1]} is not set")
    return ",".join(parts)


def _with_absolute_path(flag: str) -> str:
    """Returns the flag with an absolute path: `--data_dir=x` -> `--data_dir=/current/directory/x`."""
    name, equals, value = flag.removeprefix("--").partition("=")
    if not equals or not _PATH_FLAG.search(name):
        return flag
    parts = [
        part if part in ("", "-") or "://" in part else os.path.abspath(part)
        for part in _expand(name, value).split(",")
    ]
    return f"--{name}={','.join(parts)}"


def require(args: SimpleNamespace, *names: str) -> None:
    """Raises ValueError naming the first of these flags that was not given."""
    for name in names:
        if not getattr(args, name):
            raise ValueError(f"--{name} is required (--help describes it, --registry_help lists what there is)")


def problem(args: SimpleNamespace) -> Any:
    """Returns the problem of `--problem`, `--data_dir`, `--tmp_dir` and `--approx_vocab_size`.

    Raises:
        KeyError: an unknown problem.
        ValueError: a vocabulary size for a problem whose vocabulary is fixed.
    """
    from tensor2keras import registry

    settings = {}
    if args.approx_vocab_size:
        settings["approx_vocab_size"] = args.approx_vocab_size
        base = registry.problems[registry.parse_problem_name(args.problem)[0]]
        if "approx_vocab_size" not in inspect.signature(base).parameters:
            raise ValueError(
                f"--approx_vocab_size is for your own files (text2text_tmpdir, ...); that of {args.problem} is fixed"
            )
    return registry.problem(args.problem, data_dir=args.data_dir, tmp_dir=args.tmp_dir, **settings)


def overrides(args: SimpleNamespace) -> dict[str, str]:
    """Returns the hyperparameters of `--hparams` and `--hp_NAME VALUE` (which wins), as texts by name."""
    from tensor2keras.hparams import parse_overrides

    return parse_overrides(args.hparams or "") | args.hp


def open_run(args: SimpleNamespace) -> Any:
    """Opens the run of `--output_dir` or `--checkpoint_path` (`training.open_run`).

    Raises:
        ValueError: a missing flag; otherwise as `training.open_run`.
    """
    from tensor2keras.training import loading

    if not args.checkpoint_path:
        require(args, "output_dir")
    if loading.t2t_source(args.output_dir, args.checkpoint_path) is None:
        if loading.find_run(args.output_dir, args.checkpoint_path) is None:
            require(args, "model", "hparams_set", "problem", "checkpoint_path")
        import_recorded_usr_dirs(args)
    return loading.open_run(
        args.output_dir,
        args.checkpoint_path,
        problem=args.problem,
        model=args.model,
        hparams_set=args.hparams_set,
        overrides=overrides(args),
        **data_places(args),
    )


def data_places(args: SimpleNamespace) -> dict[str, str | None]:
    """Returns `data_dir` and `tmp_dir` as given; None stands for the directory that the run records."""
    return {"data_dir": args.data_dir, "tmp_dir": args.tmp_dir if args.tmp_dir != DEFAULT_TMP_DIR else None}


def import_recorded_usr_dirs(args: SimpleNamespace) -> None:
    """Imports the `--t2t_usr_dir` that the run records, unless one is given; see `usr_dirs.import_recorded`."""
    from tensor2keras.convert import read_flags
    from tensor2keras.training.loading import find_run

    run_dir = find_run(args.output_dir, args.checkpoint_path)
    if run_dir is not None and not args.t2t_usr_dir:
        usr_dirs.import_recorded(read_flags(run_dir).get("t2t_usr_dir"), run_dir, args.trust_usr_dir)


def print_line(text: str, transient: bool = False) -> None:
    """Prints a line of a report; on a terminal, the next line replaces a transient one.

    Args:
        text: the line.
        transient: whether the line is a progress bar, which is printed on terminals only.
    """
    if sys.stdout.isatty():
        print(f"\r{text}\x1b[K", end="" if transient else "\n", flush=True)
    elif not transient:
        print(text, flush=True)


def help_text(program: str, doc: str | None, flags: absl_flags.FlagValues) -> str:
    """Returns the command's docstring, then its flags under their headings, each with its default."""
    lines = [f"{program}: {(doc or '').strip()}"]
    for heading, group in flags.flags_by_module_dict().items():
        lines += ["", f"{program} flags:" if "." in heading or heading == "__main__" else f"{heading}:"]
        for flag in group:
            shown = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
            choices = getattr(flag.parser, "enum_values", None)
            text = re.sub(r"^<.*?>: ", "", flag.help) + (f" One of: {', '.join(choices)}." if choices else "")
            if flag.default not in (None, "", False):
                text += f" (default: {flag.default})"
            lines += _HELP.wrap(f"{shown:<38} {text}")
    lines += [
        "",
        "Any hyperparameter: --hp_NAME VALUE. Dashes and underscores are the same; ~ and $VARS are expanded in paths.",
    ]
    return "\n".join(lines)


def registry_listing(*kinds: str) -> str:
    """Returns a line for every registered name.

    Args:
        *kinds: "model", "problem", "hparams set", ...; none given: all.
    """
    from tensor2keras import registry

    tables = (
        registry.models,
        registry.problems,
        registry.hparams_sets,
        registry.hparams_ranges,
        registry.optimizers,
        registry.modalities,
    )
    lines = []
    for table in tables:
        if kinds and table.kind not in kinds:
            continue
        names = list(table)
        width = min(max(map(len, names), default=0), 45)
        lines += ["", f"{table.kind.removesuffix('y')}{'ies' if table.kind.endswith('y') else 's'} ({len(names)}):"]
        lines += [f"  {name:<{width}}  {table.summary(name)}".rstrip() for name in names]
    return "\n".join(lines[1:])


def _one_line_errors() -> tuple[type[BaseException], ...]:
    """Returns the errors that end a command with one line: expected ones, and those of numbers, sizes and backends."""
    tensorflow = sys.modules.get("tensorflow")
    backend = (tensorflow.errors.OpError,) if tensorflow else ()
    return (*_EXPECTED, ArithmeticError, ImportError, IndexError, RuntimeError, *backend)


def unexpected_line(error: BaseException) -> str:
    """Returns kind and message of an error of Python or of a backend on one line, without TensorFlow's graph nodes."""
    text = str(getattr(error, "message", "") or error)
    if asserted := re.search(r"assertion failed: \[(.*?)\](?=\s|$)", text):  # in the library's own words
        return asserted[1]
    node = re.compile(r"\s*\[\[.*?\]\]|\{\{.*?\}\}\s*|\s*\[Op:[^\]]*\]")
    lines = [node.sub("", line) for line in text.splitlines()]
    told = [line for line in lines if line.strip() and not re.match(r"\s|Detected at node|Graph execution error", line)]
    message = " ".join(" ".join(told or lines).split())
    return f"{type(error).__name__}: {message}".removesuffix(": ") + " (--debug shows the traceback)"


def _fault_line(program: str, argv: Sequence[str], error: Exception) -> str:
    """Writes the traceback of an error that no command expects to a new file and returns a line that names the file."""
    text = "".join(traceback.format_exception(error))
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", errors="replace", prefix=f"{program}-", suffix=".txt", delete=False
    ) as file:
        file.write(text)
    whose = " or of the code in --t2t_usr_dir" if any(re.match(r"--t2t.usr.dir", flag) for flag in argv) else ""
    what = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
    return f"this is a fault of tensor2keras{whose}: {what}; the traceback is in {file.name}"


def error_line(error: BaseException) -> str:
    """Returns an error's message on one line (a KeyError's without the quotes that Python adds), control codes escaped.

    Messages quote files, and a terminal would obey codes that are in them.
    """
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    line = re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda code: ascii(code[0])[1:-1], " ".join(text.split()))
    return line or type(error).__name__
