"""Generates a problem's vocabulary and data.

    t2t-datagen                                          lists all problems
    t2t-datagen --problem=translate_ende_numbers --data_dir=~/t2t_data
    t2t-datagen --problem=text2text_tmpdir --data_dir=~/t2t_data --tmp_dir=~/my_text

Running the same command again changes nothing, or completes the data of a killed run.
`--problem=algorithmic_*` generates every problem that matches.
"""

import fnmatch
import functools
import random
import sys
from types import SimpleNamespace

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-datagen"
SAMPLES_SHOWN = 3
_ONE_PROCESS = "a problem is generated in one process, in dataset_splits' shards"
# Tensor2Tensor's flags of this command that have no effect.
_IGNORED = dict.fromkeys(
    ("task_id", "task_id_start", "task_id_end", "num_shards", "num_concurrent_processes"), _ONE_PROCESS
)


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the command's flags."""
    what = {"flag_values": flags, "module_name": "Problem"}
    where = {"flag_values": flags, "module_name": "Directories"}
    old = {"flag_values": flags, "module_name": "Accepted and ignored"}
    absl_flags.DEFINE_string(
        "problem", "", "Problem to generate, or a pattern with *; without one, all are listed.", **what
    )
    absl_flags.DEFINE_string("exclude_problems", "", "Names or patterns to leave out, separated by commas.", **what)
    absl_flags.DEFINE_bool("only_list", False, "List the problems that would be generated and stop.", **what)
    text = "Vocabulary size for your own files (text2text_tmpdir, ...); 32768 by default."
    absl_flags.DEFINE_integer("approx_vocab_size", None, text, **what)
    absl_flags.DEFINE_integer("random_seed", 429459, "Seed of problems whose samples are random.", **what)
    absl_flags.DEFINE_string("data_dir", None, "Directory of the generated data and vocabularies.", **where)
    text = "Directory of downloads and of your own raw files."
    absl_flags.DEFINE_string("tmp_dir", common.DEFAULT_TMP_DIR, text, **where)
    for name, why in _IGNORED.items():
        absl_flags.DEFINE_string(name, None, why + ".", **old)


def run(args: SimpleNamespace) -> None:
    """Generates the problems that `--problem` names, or lists all."""
    for name, why in _IGNORED.items():
        if getattr(args, name) is not None:
            print(f"{PROGRAM}: --{name} is accepted and ignored: {why}", file=sys.stderr)
    if not args.problem:
        print(common.registry_listing("problem"))
        print(f"\nGenerate one with {PROGRAM} --problem=NAME --data_dir=DIR")
        return
    names = _matching(args.problem, [part.strip() for part in args.exclude_problems.split(",") if part.strip()])
    if args.only_list:
        print("\n".join(names))
        return
    common.require(args, "data_dir")
    for name in names:
        _generate(SimpleNamespace(**vars(args) | {"problem": name}))


def _generate(args: SimpleNamespace) -> None:
    """Generates one problem and prints its splits, vocabularies and first samples."""
    import numpy as np

    random.seed(args.random_seed)
    np.random.seed(args.random_seed % 2**32)
    problem = common.problem(args)
    try:
        found = problem.generate_data() is False
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {args.problem} is not generated, the same command does it") from None
    print(f"{args.problem}: {problem.data_dir}{' (found, not generated)' if found else ''}")
    for split, info in problem.info.splits.items():
        print(f"  {split:<12}{info.num_examples:>12,} examples in {info.num_shards} file{'s' * (info.num_shards > 1)}")
    for feature, described in problem.get_hparams()["features"].items():
        print(f"  {feature:<12}{described['vocab_size'] or 0:>12,} values ({described['modality']})")
    for file in problem.vocabulary_files():
        print(f"  vocabulary  {problem.data_dir_root / file}")
    for number, sample in enumerate(problem.samples_as_text(count=SAMPLES_SHOWN), start=1):
        for feature, text in sample.items():
            print(f"  {f'sample {number}':<12}{feature}: {text}")


def _matching(pattern: str, excluded: list[str]) -> list[str]:
    """Returns the problems that `pattern` matches, without the excluded ones."""
    from tensor2keras import registry

    if "*" not in pattern:
        base = registry.parse_problem_name(pattern)[0]
        registry.problems[base]  # an unknown name raises, naming the closest
        return [pattern]
    names = [
        name
        for name in fnmatch.filter(registry.problems, pattern)
        if not any(fnmatch.fnmatch(name, out) for out in excluded)
    ]
    if not names:
        raise ValueError(f"no problem matches --problem={pattern!r}")
    return names


main = functools.partial(common.run, PROGRAM, __doc__, define_flags, run)

if __name__ == "__main__":
    sys.exit(main())
