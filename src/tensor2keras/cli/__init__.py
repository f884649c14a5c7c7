"""The commands (`t2t-trainer`, `t2t-decoder`, ...): flags in, one call of the library, text out."""
