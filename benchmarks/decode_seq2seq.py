"""Decoding speed of an encoder-decoder against Hugging Face `generate` (PyTorch) at equal size, interleaved in one run.

    pip install ".[bench]"
    python benchmarks/decode_seq2seq.py [--rounds 5] [--beams 1 4] [--no_peer]

Both: 4 + 4 layers, width 256, feed-forward 1024, 8 heads, vocabulary 8192, random weights; 16 inputs of 32 tokens, 32
tokens out. Prints tokens a second of the best outputs (16 * 32 / seconds), the median of the rounds, and the time of
the first call.
"""

import argparse
import statistics
from collections.abc import Callable

import numpy as np

from side_by_side import compare

BATCH, LENGTH, VOCABULARY = 16, 32, 8192


def batch() -> np.ndarray:
    """Returns ids [batch, length]."""
    return np.random.default_rng(0).integers(2, VOCABULARY, (BATCH, LENGTH)).astype("int32")


def ours(beams: int) -> Callable[[], int]:
    """Returns a function that decodes the batch and returns the number of steps."""
    from tensor2keras import registry

    symbol = {"modality": "symbol", "vocab_size": VOCABULARY}
    problem = {"name": "benchmark", "features": {"inputs": symbol, "targets": symbol}, "target_space_id": 0}
    size = {"hidden_size": 256, "filter_size": 1024, "num_heads": 8, "num_hidden_layers": 4}
    model = registry.model("transformer", registry.hparams("transformer_base", problem=problem, overrides=size))
    model.build()
    ids = batch()
    return lambda: np.asarray(model.infer({"inputs": ids}, decode_length=0, beam_size=beams)["outputs"]).shape[-1]


def hugging_face(beams: int) -> Callable[[], int]:
    """The same for MarianMTModel.generate."""
    import torch
    from transformers import MarianConfig, MarianMTModel

    config = MarianConfig(
        vocab_size=VOCABULARY,
        d_model=256,
        encoder_layers=4,
        decoder_layers=4,
        encoder_attention_heads=8,
        decoder_attention_heads=8,
        encoder_ffn_dim=1024,
        decoder_ffn_dim=1024,
        max_position_embeddings=512,
        pad_token_id=0,
        eos_token_id=1,
        forced_eos_token_id=None,
        decoder_start_token_id=0,
    )
    model = MarianMTModel(config).eval()

    tokens = torch.from_numpy(batch()).long()

    def decode() -> int:
        with torch.inference_mode():
            out = model.generate(
                tokens,
                attention_mask=torch.ones_like(tokens),
                num_beams=beams,
                do_sample=False,
                min_new_tokens=LENGTH,
                max_new_tokens=LENGTH,
            )
        return out.shape[1] - 1  # the start token

    return decode


def main() -> None:
    """Times both in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--no_peer", action="store_true", help="without Hugging Face")
    args = parser.parse_args()
    for beams in args.beams:
        makers = {"tensor2keras": (ours, beams)} | ({} if args.no_peer else {"hugging face": (hugging_face, beams)})
        for name, (first, seconds, steps) in compare(makers, args.rounds).items():
            speed = BATCH * steps / statistics.median(seconds)
            print(
                f"beams {beams}  {name:<13} {speed:7.0f} tokens/s  {steps} steps  first call {first:.1f} s", flush=True
            )


if __name__ == "__main__":
    main()
