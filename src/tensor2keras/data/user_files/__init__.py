"""Problems on the user's own data: files and folders in `tmp_dir`, any text files, a tfds data set."""

from tensor2keras.data.splits import HOLD_OUT
from tensor2keras.data.user_files import images, speech
from tensor2keras.data.user_files.base import UserClassProblem, UserDataProblem
from tensor2keras.data.user_files.given import (
    GivenText2Class,
    GivenText2Self,
    GivenText2Text,
    Paths,
    from_files,
    from_tfds,
)
from tensor2keras.data.user_files.tmpdir import (
    Text2classTmpdir,
    Text2selfTmpdir,
    Text2selfTmpdirCharacters,
    Text2textTmpdir,
    Text2textTmpdirTokens,
    TmpdirProblem,
)
