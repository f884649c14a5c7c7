"""Decoding speed of an encoder-decoder against Hugging Face `generate` (PyTorch) at equal size, interleaved in one run.

    python benchmarks/decode_seq2seq.py [--rounds 5] [--beams 1 4] [--no_peer]

Both: 4 + 4 layers, width 256, feed-forward 1024, 8 heads, vocabulary 8192, random weights; 16 inputs of 32 tokens, 32
tokens out. Prints tokens a second of the best outputs (16 * 32 / seconds), the fastest of the rounds, and the time of
the first call.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

BATCH, LENGTH, VOCABULARY = 16, 32, 8192


def ours(beams: int) -> Callable[[np.ndarray], int]:
    """A function that decodes ids [batch, length] and returns the number of steps."""
    from tensor2keras import registry

    symbol = {"modality": "symbol", "vocab_size": VOCABULARY}
    problem = {"name": "benchmark", "features": {"inputs": symbol, "targets": symbol}, "target_space_id": 0}
    size = {"hidden_size": 256, "filter_size": 1024, "num_heads": 8, "num_hidden_layers": 4}
    model = registry.model("transformer", registry.hparams("transformer_base", problem=problem, overrides=size))
    model.build()
    return lambda ids: np.asarray(model.infer({"inputs": ids}, decode_length=0, beam_size=beams)["outputs"]).shape[-1]


def hugging_face(beams: int) -> Callable[[np.ndarray], int]:
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

    def decode(ids: np.ndarray) -> int:
        with torch.inference_mode():
            tokens = torch.from_numpy(ids).long()
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
    """Times both, turn by turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--no_peer", action="store_true", help="without Hugging Face")
    args = parser.parse_args()
    ids = np.random.default_rng(0).integers(2, VOCABULARY, (BATCH, LENGTH)).astype("int32")
    for beams in args.beams:
        makers = {"tensor2keras": ours} | ({} if args.no_peer else {"hugging face": hugging_face})
        functions = {name: make(beams) for name, make in makers.items()}
        first, best, steps = {}, dict.fromkeys(functions, float("inf")), {}
        for round_number in range(args.rounds + 1):
            for name, decode in functions.items():
                start = time.perf_counter()
                steps[name] = decode(ids)
                seconds = time.perf_counter() - start
                if round_number == 0:
                    first[name] = seconds
                else:
                    best[name] = min(best[name], seconds)
        for name in functions:
            speed = BATCH * steps[name] / best[name]
            print(
                f"beams {beams}  {name:<13} {speed:7.0f} tokens/s  {steps[name]} steps  first call {first[name]:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
