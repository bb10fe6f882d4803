"""The library's errors as exceptions: one per status, each also the built-in that it is most like."""


class Error(Exception):
    """What the library refuses; its text says what was wrong, where, and what to do."""


class ArgumentError(Error, ValueError):
    """The call is wrong: an option, a size, a name."""


class SystemFailure(Error, OSError):
    """The operating system refused: disk full, permission."""


class FormatError(Error, ValueError):
    """A file is not what it should be."""


class UnsupportedError(Error, NotImplementedError):
    """Well-formed, but of a kind that is not done here."""


class LimitError(Error, ValueError):
    """Larger than the documented cap."""


class OutOfMemory(Error, MemoryError):
    """No memory."""


class NoFaceError(Error, LookupError):
    """No face in the picture."""


class MismatchError(Error, ValueError):
    """Templates or galleries of different models."""


class LockedError(Error, OSError):
    """Another process writes this gallery."""


class CorruptError(Error):
    """A checksum does not hold."""


class NotFoundError(Error, LookupError):
    """No such file, model, label or image."""


class ExistsError(Error, ValueError):
    """The image id is enrolled already; there is a model of that name."""


class Interrupted(Error):
    """The work was asked to stop."""


class NumericError(Error, ArithmeticError):
    """NaN or infinity where a number was needed."""


class InternalError(Error, RuntimeError):
    """A bug in the library."""


class SeveralFacesError(Error, LookupError):
    """More than one face where one was asked for."""


# By sl_status, whose numbers are pinned.
by_status = dict(enumerate((
    ArgumentError, SystemFailure, FormatError, UnsupportedError, LimitError, OutOfMemory, NoFaceError, MismatchError,
    LockedError, CorruptError, NotFoundError, ExistsError, Interrupted, NumericError, InternalError,
    SeveralFacesError), start=1))
