"""``python -m dashboard``."""

import sys

from dashboard.settings import SettingsError, own_settings
from dashboard.start_turn import StartTurn


def main() -> int:
    """Run the service from the directory that holds its app/ and assets/; give the exit code."""
    try:
        settings = own_settings()
        settings.read_secret()
        turn = StartTurn(settings.secret_file.parent)
        turn.take()
        # Only now, as this is what the turn is for: nearly all of a start is these imports.
        from dashboard.server import run

        run(turn.pass_on)
    except (SettingsError, FileNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
