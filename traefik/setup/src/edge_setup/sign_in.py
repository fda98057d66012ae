"""Sign-in: open to everybody, to the users of a file, or to those whom a provider admits.

Pure: what Traefik is to do about it, as a file of its dynamic configuration.
"""

import hashlib
import re

from edge_setup.settings import SettingsInvalid

USER = re.compile(
    r"[^:\s]{1,255}:(\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22})"
)
"""A line of htpasswd with bcrypt (-B) or Apache's MD5 (-m, `openssl passwd -apr1`)."""

BASIC = """# {digest}
http:
  middlewares:
    sign-in:
      basicAuth:
        usersFile: {users}
        realm: Longitude
        removeHeader: true
"""
FORWARD = """http:
  middlewares:
    sign-in:
      chain:
        middlewares: [provider, no-credentials]
    provider:
      forwardAuth:
        address: "{address}"
        maxResponseBodySize: 65536
    # They were for the provider; a replica has no use for them.
    no-credentials:
      headers:
        customRequestHeaders:
          Authorization: ""
"""


def check_users(content: bytes) -> None:
    """Check a file of users.

    Raises
    ------
    SettingsInvalid
        Naming every line that is not a user with a hash of an accepted kind, and none of what is in it;
        or that there is no user.
    """
    lines = content.decode(errors="replace").splitlines()
    told = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    users = [(number, line) for number, line in told if line and not line.startswith("#")]
    if not users:
        raise SettingsInvalid("SIGN_IN_USERS holds no user: it takes lines that `htpasswd -nB NAME` prints")
    wrong = [str(number) for number, line in users if USER.fullmatch(line) is None]
    if wrong:
        raise SettingsInvalid(
            f"SIGN_IN_USERS, line {', '.join(wrong)}: not a user with a bcrypt or apr1 hash, "
            "as `htpasswd -nB NAME` prints it"
        )


def write_basic(users: str, content: bytes) -> str:
    """Write the configuration for users in a file that Traefik reads; it differs when the content does."""
    return BASIC.format(users=users, digest=hashlib.sha256(content).hexdigest())


def write_forward(address: str) -> str:
    """Write the configuration for a provider that is asked about every request."""
    return FORWARD.format(address=address)
