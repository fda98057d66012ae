"""Writes the pages that readers get in place of the dashboard's, for a web server beside the replicas.

``python -m dashboard.notices DIR``, run where ``app/`` is.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from dashboard.templates import load_templates


@dataclass(frozen=True)
class Notice:
    """A page that says why there is no dashboard, and tries again by itself.

    Attributes
    ----------
    name
        Of the file, without its ending.
    seconds
        After which it is asked for again; nginx.conf says the same in ``Retry-After``.
    often
        The same in words.
    """

    name: str
    title: str
    heading: str
    reason: str
    seconds: int
    often: str


NOTICES = (
    Notice(
        name="away",
        title="Longitude is starting",
        heading="One moment",
        reason="No replica of the dashboard is ready yet.",
        seconds=3,
        often="three",
    ),
    Notice(
        name="full",
        title="Longitude is busy",
        heading="All places are taken",
        reason="As many readers as the dashboard has room for are here.",
        seconds=10,
        often="ten",
    ),
    Notice(
        name="often",
        title="Longitude is asked too often",
        heading="Too much at once",
        reason="More was asked for from your address, which a whole office may share, than the dashboard "
        "answers one address at a time.",
        seconds=10,
        often="ten",
    ),
)


def write_notices(directory: Path) -> None:
    """Write each notice as a file of its name; the directory is made if it is not there."""
    template = load_templates().get_template("notice.html")
    directory.mkdir(parents=True, exist_ok=True)
    for notice in NOTICES:
        (directory / f"{notice.name}.html").write_text(template.render(notice=notice) + "\n")


def main(arguments: list[str]) -> int:
    """Write to the directory named by the one argument."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m dashboard.notices DIR\n")
        return 2
    write_notices(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
