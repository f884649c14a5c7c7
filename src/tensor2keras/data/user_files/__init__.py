"""Problems made of the user's own files."""

from tensor2keras.data.splits import HOLD_OUT
from tensor2keras.data.user_files.text import (
    GivenText2Class,
    GivenText2Self,
    GivenText2Text,
    Paths,
    Text2classTmpdir,
    Text2selfTmpdir,
    Text2selfTmpdirCharacters,
    Text2textTmpdir,
    Text2textTmpdirTokens,
    TmpdirProblem,
    UserClassProblem,
    UserDataProblem,
    from_files,
    from_tfds,
)

__all__ = [
    "HOLD_OUT",
    "GivenText2Class",
    "GivenText2Self",
    "GivenText2Text",
    "Paths",
    "Text2classTmpdir",
    "Text2selfTmpdir",
    "Text2selfTmpdirCharacters",
    "Text2textTmpdir",
    "Text2textTmpdirTokens",
    "TmpdirProblem",
    "UserClassProblem",
    "UserDataProblem",
    "from_files",
    "from_tfds",
]
