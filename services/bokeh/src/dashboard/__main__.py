"""``python -m dashboard``."""

import sys

from dashboard.operations.start_lock import StartLock
from dashboard.settings import SettingsError, read_settings


def main() -> int:
    """Run the service from the directory that holds its app/ and assets/; return the exit code."""
    try:
        settings = read_settings()
        settings.read_secret()
        lock = StartLock(settings.secret_file.parent)
        lock.acquire()
        # Imported under the lock, whose purpose this is: nearly all of a start is these imports.
        from dashboard.serve import run

        run(settings, lock.release)
    except (SettingsError, FileNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
