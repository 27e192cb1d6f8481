"""Write notes.md, the page on notes and errors, from mi_core/explanations.py: `python docs/make_notes.py`."""

from pathlib import Path

from mi_core.explanations import ERRORS, SECTIONS

PAGE = Path(__file__).with_name("notes.md")


def page() -> str:
    """Each kind of note under its key, then the errors that take more than their one line."""
    lines = [
        "# Notes and errors",
        "",
        "Notes tell what a reader should know before using a number. They go to stderr, and are in `result.notes` and in",
        "`--json`. Each ends with its key, such as `[mi explain ties]`; that command prints what stands here.",
    ]
    for title, section in SECTIONS.items():
        lines += ["", f"## {title}"]
        for key, one in section.items():
            lines += ["", f"### {key}", "", f"**{one.title}.** {one.cause}", "", f"*What to do.* {one.remedy}"]
    lines += [
        "",
        "## Errors",
        "",
        "An error is one line on stderr that says what was wrong, what came and what to do, with exit code 2 for bad input and",
        "1 for what failed while running; in Python it is `mi_core.InputError`. Some take more words:",
        "",
        "| the line says | cause, and what to do |",
        "|---|---|",
        *(f"| {phrase} | {words} |" for phrase, words in ERRORS.items()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
