"""Ids with a fixed meaning in every vocabulary (T2T's `text_encoder.PAD_ID` and `EOS_ID`)."""

PAD_ID = 0  # padding
EOS_ID = 1  # end of sequence
