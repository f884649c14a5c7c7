"""Speech recognition: named corpora and their base class."""

from tensor2keras.data.preprocessing import Features
from tensor2keras.data.speech import common_voice, librispeech
from tensor2keras.data.speech_problem import (
    CHARACTERS,
    CTC_METRICS,
    AudioEncoder,
    SpeechRecognitionProblem,
    model_inputs,
)
from tensor2keras.data.user_files.speech import SpeechTmpdir, SpeechTmpdirSubwords, find_tables, read_table, table_rows
