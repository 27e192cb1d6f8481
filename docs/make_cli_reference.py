"""Write cli.md, the reference of the command `mi`, from the commands themselves: `python docs/make_cli_reference.py`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from cli.main import app

PAGE = Path(__file__).with_name("cli.md")


def reference() -> str:
    """The page: what `mi --help` and the `--help` of each command say."""
    mi: Any = get_command(app)
    context = mi.context_class(mi, info_name="mi", **mi.context_settings)
    lines = ["# The command mi", *described(mi, context), "", mi.epilog]
    for name, command in mi.commands.items():
        lines += ["", f"## mi {name}", *described(command, command.context_class(command, info_name=name, parent=context))]
    return "\n".join(lines) + "\n"


def described(command: Any, context: Any) -> Iterator[str]:
    """Usage, help, arguments and options of one command."""
    usage = [context.command_path, *command.collect_usage_pieces(context)]
    yield from ("", f"    {' '.join(usage)}", "", as_markdown(command.help), "")
    for parameter in command.get_params(context):
        if record := parameter.get_help_record(context):
            name, says = record
            yield f"- `{name}`: {as_markdown(says)}"


def as_markdown(text: str) -> str:
    """Help as it stands in the code, its example and the options that it names set as code."""
    return re.sub(r"^Example: (.*)$|(--[a-z][\w-]*)", as_code, text, flags=re.MULTILINE)


def as_code(found: re.Match[str]) -> str:
    """An example, or an option, set as code."""
    example, option = found.groups()
    return f"Example: `{example}`" if example else f"`{option}`"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
