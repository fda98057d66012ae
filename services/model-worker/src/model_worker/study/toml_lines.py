"""Line numbers of keys in a TOML text."""

import re
from collections.abc import Sequence

_TABLE = re.compile(r"^\s*\[\s*([A-Za-z0-9_.\-\s\"']+?)\s*\]")
_NAME = r"(?:\"{0}\"|'{0}'|{0})"


def line_of(text: str, path: Sequence[str]) -> int | None:
    """Return the line of a dotted key, or of its nearest parent in the text.

    The search supports three kinds of nesting: table headers, dotted keys and inline tables on one line.
    `tomllib` keeps no positions, and a full parser with positions would be out of proportion.

    Parameters
    ----------
    text
        Content of the TOML file.
    path
        Key path from the root, as in ``("outcome", "column")``.

    Returns
    -------
    int or None
        Line number, counted from 1; None if no part of the path is in the text.
    """
    for length in range(len(path), 0, -1):
        line = _exact_line(text, path[:length])
        if line is not None:
            return line
    return None


def _exact_line(text: str, path: Sequence[str]) -> int | None:
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = _TABLE.match(line)
        if header:
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            if table == tuple(path):
                return number
            continue
        if table != tuple(path[: len(table)]):
            continue
        rest = path[len(table) :]
        if rest and _assigns(line, rest):
            return number
    return None


def _assigns(line: str, names: Sequence[str]) -> bool:
    first, *inner = (_NAME.format(re.escape(name)) for name in names)
    dotted = r"\s*\.\s*".join([first, *inner])
    if re.match(rf"\s*{dotted}\s*=", line):
        return True
    nested = rf"\s*{first}\s*=\s*\{{"
    for name in inner[:-1]:
        nested += rf".*?\b{name}\s*=\s*\{{"
    return bool(inner) and bool(re.match(rf"{nested}.*?(?:^|[\s{{,]){inner[-1]}\s*=", line))
