"""Opens a Tensor2Tensor output directory, translates a line, and writes the weights back in T2T's format.

python examples/open_t2t_checkpoint.py T2T_DIR [--text="Hello world."] [--save=served/model.ckpt-1]
"""

import argparse

import tensor2keras
from tensor2keras import convert


def main() -> None:
    """Prints the report and the translations, best first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("t2t_dir")
    parser.add_argument("--text", default="Hello world.")
    parser.add_argument("--save", help="prefix of a checkpoint to write")
    args = parser.parse_args()

    run = convert.open_t2t_run(args.t2t_dir)
    print(run.report)
    print(tensor2keras.decode(run.model, run.problem, [args.text], beam_size=4, alpha=0.6, decode_length=10)[0])
    if args.save:
        print(convert.save_t2t_checkpoint(run.model, args.save, step=run.step))


if __name__ == "__main__":
    main()
