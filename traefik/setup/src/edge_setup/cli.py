"""Command line of the step: `edge-setup`, and `edge-setup ca`."""

import sys
from datetime import UTC, datetime

from cyclopts import App

from edge_setup.settings import SettingsInvalid, read_settings
from edge_setup.step import prepare

app = App(name="edge-setup", help="Prepare certificate, secret and Traefik's dynamic files.")


@app.default
def run() -> int:
    """Make what is missing and renew what is due."""
    try:
        for done in prepare(read_settings(), datetime.now(UTC)):
            print(f"setup: {done}")  # noqa: T201
    except SettingsInvalid as error:
        print(f"setup: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:
        print(f"setup: cannot write {error.filename}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


@app.command
def ca() -> int:
    """Print the certificate that clients must trust, PEM."""
    path = read_settings().edge_dir / "certificates/ca.crt"
    if not path.exists():
        print("setup: there is no local CA: start the stack once with `make up`", file=sys.stderr)  # noqa: T201
        return 1
    sys.stdout.write(path.read_text())
    return 0


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(app(result_action="return_value"))
