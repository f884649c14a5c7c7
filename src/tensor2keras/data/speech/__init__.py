"""Speech-recognition problems."""

from tensor2keras.data.speech.speech import (
    CHARACTERS,
    CTC_METRICS,
    AudioEncoder,
    Features,
    SpeechRecognitionProblem,
    SpeechTmpdir,
    SpeechTmpdirSubwords,
    find_tables,
    model_inputs,
    read_table,
    table_rows,
)

__all__ = [
    "CHARACTERS",
    "CTC_METRICS",
    "AudioEncoder",
    "Features",
    "SpeechRecognitionProblem",
    "SpeechTmpdir",
    "SpeechTmpdirSubwords",
    "find_tables",
    "model_inputs",
    "read_table",
    "table_rows",
]
