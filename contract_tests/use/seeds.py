"""Programs cut out of printed tutorials, as a reader would copy them: whole statements, nothing mended."""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


def curl_commands(text: str) -> list[str]:
    """Every shell command that starts with `curl -X`, to the end of its last quoted or continued line."""
    lines = text.splitlines()
    return [_shell_command(lines[at:]) for at, line in enumerate(lines) if line.startswith("curl -X")]


def _shell_command(lines: Sequence[str]) -> str:
    taken: list[str] = []
    for line in lines:
        taken.append(line)
        text = "\n".join(taken)
        if not line.endswith("\\") and text.count("'") % 2 == 0 and text.count('"') % 2 == 0:
            break
    return "\n".join(taken)


def python_statements(text: str, starts: Sequence[str]) -> str:
    """The Python statements that begin with one of these words, in the order they are printed."""
    lines = text.splitlines()
    found = [_python_statement(lines[at:]) for at, line in enumerate(lines) if line.startswith(tuple(starts))]
    return "\n".join(found) + "\n"


def _python_statement(lines: Sequence[str]) -> str:
    """The first lines that parse, with the indented ones that follow."""
    for end in range(1, len(lines) + 1):
        following = next((line for line in lines[end:] if line.strip()), "")
        if not following.startswith((" ", ")", "]", "}")) and _parses(lines[:end]):
            return "\n".join(lines[:end]).rstrip()
    msg = f"no statement begins at {lines[0]!r}"
    raise ValueError(msg)


def _parses(lines: Sequence[str]) -> bool:
    try:
        ast.parse("\n".join(lines))
    except SyntaxError:
        return False
    return True


def section(text: str, first: str, last: str) -> str:
    """The lines from the one that starts with `first` to the next that starts with `last`, both included."""
    lines = text.splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith(first))
    end = next(at for at, line in enumerate(lines) if at > begin and line.startswith(last))
    return "\n".join(lines[begin : end + 1]) + "\n"


def json_bodies(text: str) -> list[str]:
    """Every printed body: from a line that is only an opening brace to one that is only a closing one."""
    bodies: list[str] = []
    lines: list[str] = []
    for line in text.splitlines():
        if line == "{" or lines:
            lines.append(line)
        if line == "}" and lines:
            bodies.append("\n".join(lines) + "\n")
            lines = []
    return bodies


def python_programs(text: str) -> list[str]:
    """What stands under each heading "Python": as many lines as are Python."""
    lines = text.splitlines()
    begins = [at + 1 for at, line in enumerate(lines) if line == "Python"]
    return ["\n".join(_longest_program(lines[begin:])) + "\n" for begin in begins]


def _longest_program(lines: Sequence[str]) -> Sequence[str]:
    end = max(end for end in range(len(lines) + 1) if _parses(lines[:end]))
    return lines[:end]


@dataclass(frozen=True, slots=True)
class WebRequest:
    """An `Invoke-WebRequest` of PowerShell, by its options; without a content type a POST is a form's."""

    method: str
    uri: str
    content_type: str | None
    sends_file: bool


def web_requests(text: str) -> list[WebRequest]:
    """Every `Invoke-WebRequest`, to the end of its last continued line."""
    return [
        WebRequest(
            method=_option("Method", command) or "GET",
            uri=_option("Uri", command) or "",
            content_type=_option("ContentType", command),
            sends_file="-InFile request.json" in command,
        )
        for command in re.findall(r"^Invoke-WebRequest `\n(?:.*`\n)*.*", text, re.MULTILINE)
    ]


def _option(name: str, command: str) -> str | None:
    found = re.search(rf'^-{name}:? "?([^"`\n]*?)"? *(?:`|\||$)', command, re.MULTILINE)
    return found[1] if found else None


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with every placeholder replaced; of two that begin alike the longer: TUNING_JOB_ID before TUNING_JOB."""
    longest_first = sorted(values, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: values[found[0]], text)


def seed(folder: Path, number: str) -> str:
    """The document whose file name begins with this number."""
    return next(folder.glob(f"{number}_*.txt")).read_text()
