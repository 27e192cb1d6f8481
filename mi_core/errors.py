"""Errors that this project raises on purpose. Each message says what was wrong, what came and what to do."""

from collections.abc import Iterable

from mi_core.options import RENAMED


class MIError(Exception):
    """Base of every error raised on purpose; anything else that escapes is a bug."""


class InputError(MIError, ValueError):
    """Error for arguments or data that cannot be used as they are."""


class MissingValues(InputError):  # noqa: N818  a kind of wrong input, as the others are
    """Error for missing values.

    Args:
        what: Which values are missing and where, as a sentence without its end.
        remedy: Another remedy besides removing or replacing them, if there is one.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)  # as they are, so that a copy from another process is the same
        self.what, self.remedy = what, remedy

    def __str__(self) -> str:
        return f"{self.what}: remove or replace them{self.remedy and f'; {self.remedy}'}."


class BackendUnavailableError(MIError, RuntimeError):
    """Error for a backend that exists but cannot run here; the message says what is missing and how to install it."""


def did_you_mean(value: object, words: Iterable[str]) -> str:
    """End of a sentence about an unknown word: the known word that was probably meant, if one is close."""
    import difflib  # here, because it is for errors alone

    if isinstance(value, str) and value in RENAMED:
        return f"; {value} is called {RENAMED[value]} now."
    known = {word.lower(): word for word in words}
    meant = str(value).lower().replace("_", "-")
    near = max(known, key=lambda word: difflib.SequenceMatcher(None, meant, word.replace("_", "-")).ratio(), default="")
    return f"; did you mean {known[near]}?" if difflib.get_close_matches(meant, [near.replace("_", "-")]) else "."


def first_line(error: BaseException) -> str:
    """First line of an error's message, or the name of its type if the message is empty."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].strip()


def as_sentence(error: BaseException) -> str:
    """First line of an error's message, ended like a sentence."""
    text = first_line(error)
    return text if text.endswith((".", "!")) else text + "."
