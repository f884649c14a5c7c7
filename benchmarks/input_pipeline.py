"""Examples a second through `problem.dataset`, and the share of tokens that is not padding.

    python benchmarks/input_pipeline.py --inputs train.en.gz --targets train.de.gz [--batch_size 4096]

Reports, one line each: generation, the time to the first batch, three epochs of training batches, resuming after ten
epochs, a packed epoch, and tfds's own `as_dataset` on the same files for comparison.
"""

import argparse
import itertools
import os
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", required=True, help="text, one sentence a line, plain or .gz")
    parser.add_argument("--targets", required=True, help="its translation, line by line")
    parser.add_argument("--batch_size", type=int, default=4096, help="tokens a batch")
    parser.add_argument("--vocab_size", type=int, default=8192, help="subwords to aim at")
    args = parser.parse_args()

    from tensor2keras.data import Problem, batching
    from tensor2keras.hparams import HParams

    options = {"batch_size": args.batch_size, "max_length": 256, "min_length_bucket": 8, "length_bucket_step": 1.1}
    hparams = HParams(options)
    with tempfile.TemporaryDirectory() as data_dir:
        problem = Problem.from_files(
            inputs=args.inputs,
            targets=args.targets,
            data_dir=data_dir,
            approx_vocab_size=args.vocab_size,
            generate=False,
        )
        begin = time.perf_counter()
        problem.generate_data()
        examples = problem.num_training_examples
        print(f"generated {examples} examples in {time.perf_counter() - begin:.1f} s")

        begin = time.perf_counter()
        dataset = problem.dataset("train", hparams)
        iterator = iter(dataset)
        next(iterator)
        print(f"first batch after {time.perf_counter() - begin:.2f} s")

        one_epoch = batching.make_dataset(problem, "train", hparams, repeat=False)
        batches = batching.count(one_epoch)
        begin = time.perf_counter()
        for _ in itertools.islice(iterator, 3 * batches):
            pass
        seconds = time.perf_counter() - begin
        print(f"training batches: {3 * examples / seconds:,.0f} examples/s ({3 * batches / seconds:.0f} batches/s)")
        print(batching.padding_report(one_epoch, batches))

        begin = time.perf_counter()
        next(iter(problem.dataset("train", hparams, start_step=10 * batches + batches // 2)))
        print(f"resumed at step {10 * batches + batches // 2} in {time.perf_counter() - begin:.2f} s")

        packed = batching.make_dataset(problem, "train", HParams(options, pack_dataset=True), repeat=False)
        begin = time.perf_counter()
        report = batching.padding_report(packed, 10**9)
        print(f"packed: {examples / (time.perf_counter() - begin):,.0f} examples/s; {report}")

        begin = time.perf_counter()
        for _ in problem.as_dataset(split="train"):
            pass
        print(f"tfds as_dataset: {examples / (time.perf_counter() - begin):,.0f} examples/s")


if __name__ == "__main__":
    main()
