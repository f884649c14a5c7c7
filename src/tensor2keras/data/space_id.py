"""Numbers of input and output spaces, as in T2T's checkpoints."""


class SpaceID:
    """Values of `input_space_id` and `target_space_id`: rows of the target-space embedding."""

    GENERIC, IMAGE_LABEL, EN_CHR, EN_TOK, EN_BPE_TOK, FR_CHR, FR_TOK, DE_CHR, DE_TOK, DE_BPE_TOK = range(10)
    DIGIT_0, DIGIT_1, AUDIO_WAV, AUDIO_SPECTRAL, PARSE_CHR, PARSE_TOK, ZH_TOK, ICE_CHAR, ICE_TOK = range(10, 19)
    ICE_PARSE_TOK, MK_TOK, CS_TOK, CS_CHR, DNA, REAL, IMAGE, PEPTIDE, PY_TOK, CPP_TOK = range(19, 29)
    STROKES, PICKLED_PYTHON = 29, 30


class TaskID:
    """Values of a problem's `task_id`, where several problems train one model."""

    EN_CHR, EN_CHR_SENT, EN_PR_HYP, EN_NLI, COLA, EN_Q_CONT, EN_SIM, EN_SENT_PAIR, THREE_CL_NLI = range(2, 11)
