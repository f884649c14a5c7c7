"""Numbers of input and output spaces, as in T2T's checkpoints."""


class SpaceID:
    """Values of `input_space_id` and `target_space_id`: rows of the target-space embedding."""

    GENERIC = 0
    IMAGE_LABEL = 1
    EN_CHR = 2
    EN_TOK = 3
    EN_BPE_TOK = 4
    FR_CHR = 5
    FR_TOK = 6
    DE_CHR = 7
    DE_TOK = 8
    DE_BPE_TOK = 9
    DIGIT_0 = 10
    DIGIT_1 = 11
    AUDIO_WAV = 12
    AUDIO_SPECTRAL = 13
    PARSE_CHR = 14
    PARSE_TOK = 15
    ZH_TOK = 16
    ICE_CHAR = 17
    ICE_TOK = 18
    ICE_PARSE_TOK = 19
    MK_TOK = 20
    CS_TOK = 21
    CS_CHR = 22
    DNA = 23
    REAL = 24
    IMAGE = 25
    PEPTIDE = 26
    PY_TOK = 27
    CPP_TOK = 28
    STROKES = 29
    PICKLED_PYTHON = 30


class TaskID:
    """Values of a problem's `global_task_id`, where several problems train one model."""

    EN_CHR = 2
    EN_CHR_SENT = 3
    EN_PR_HYP = 4
    EN_NLI = 5
    COLA = 6
    EN_Q_CONT = 7
    EN_SIM = 8
    EN_SENT_PAIR = 9
    THREE_CL_NLI = 10
