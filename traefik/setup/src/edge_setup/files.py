"""Files that appear whole or not at all, with the mode their readers need."""

import os
import tempfile
from pathlib import Path

PUBLIC = 0o644
# The services share one group and no user: what only they may read is readable by that group.
SHARED = 0o640
PRIVATE = 0o600


def write(path: Path, content: bytes, mode: int) -> bool:
    """Replace a file by a rename; give False and touch nothing if it already has this content."""
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True
