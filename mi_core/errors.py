"""The errors that this project raises on purpose. Each message says what was wrong, what came and what to do."""

from collections.abc import Iterable

from mi_core.options import RENAMED


class MIError(Exception):
    """Base of every error raised on purpose; anything else that escapes is a bug."""


class InputError(MIError, ValueError):
    """The arguments or the data cannot be used as they are."""


class MissingValues(InputError):  # noqa: N818  a kind of wrong input, as the others are
    """Values are missing.

    Args:
        what: Which, where, as a sentence without its end.
        remedy: What else to do about them, where there is more than to remove or replace them.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)  # as they are, so that a copy from another process is the same
        self.what, self.remedy = what, remedy

    def __str__(self) -> str:
        return f"{self.what}: remove or replace them{self.remedy and f'; {self.remedy}'}."


class BackendUnavailableError(MIError, RuntimeError):
    """The backend exists but cannot run here; the message says what is missing and how to install it."""


def did_you_mean(value: object, words: Iterable[str]) -> str:
    """The end of a sentence on a value that is none of some words: the one that it was meant to be, if any is near."""
    import difflib  # here, because it is for errors alone

    if isinstance(value, str) and value in RENAMED:
        return f"; {value} is called {RENAMED[value]} now."
    known = {word.lower(): word for word in words}
    meant = str(value).lower().replace("_", "-")
    near = max(known, key=lambda word: difflib.SequenceMatcher(None, meant, word.replace("_", "-")).ratio(), default="")
    return f"; did you mean {known[near]}?" if difflib.get_close_matches(meant, [near.replace("_", "-")]) else "."


def first_line(error: BaseException) -> str:
    """First line of an error's message, or the name of its type where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].strip()


def as_sentence(error: BaseException) -> str:
    """First line of an error's message, ended like a sentence."""
    text = first_line(error)
    return text if text.endswith((".", "!")) else text + "."
