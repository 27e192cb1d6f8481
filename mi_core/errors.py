"""The errors that this project raises on purpose. Each message says what was wrong, what came and what to do."""


class MIError(Exception):
    """Base of every error raised on purpose; anything else that escapes is a bug."""


class InputError(MIError, ValueError):
    """The arguments or the data cannot be used as they are."""


class BackendUnavailableError(MIError, RuntimeError):
    """The backend exists but cannot run here; the message says what is missing and how to install it."""


def one_line(error: BaseException) -> str:
    """First line of an error's message, or the name of its type where it has none, ended like a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = lines[0].strip()
    return text if text.endswith((".", "!")) else text + "."
