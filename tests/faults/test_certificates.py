"""A certificate is replaced under load, as an operator does it, and no connection notices."""

import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from cryptography import x509

from edge_setup.authority import KeyPair, issue
from faults.forms import Form
from faults.frames import connect
from faults.ledger import Ledger
from faults.load import Load, say_failures
from probes import eventually
from stack import Stack

NAMES = ("localhost", "127.0.0.1", "::1")


def served_serial(stack: Stack) -> int:
    """Give the serial number of the certificate that a new connection is shown."""
    with connect(stack) as connection:
        shown = connection.getpeercert(binary_form=True)
    assert shown
    return x509.load_der_x509_certificate(shown).serial_number


def read_authority(stack: Stack) -> KeyPair:
    """Give the stack's local CA, from its volume, so that clients trust what is issued here."""
    parts = [stack.read_laid_out(f"/authority/ca.{part}") for part in ("crt", "key")]
    return KeyPair(*(part[part.index("-----BEGIN") :].encode() for part in parts))


class Handshakes:
    """Connections made one after the other, each with a whole new handshake."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._over = threading.Event()
        self.count = 0
        self.failed: list[str] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(2)]

    def _run(self) -> None:
        while not self._over.wait(0.02):
            try:
                with connect(self._stack):
                    self.count += 1
            except (OSError, ssl.SSLError) as error:
                self.failed.append(repr(error))

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()


def test_certificate_is_replaced_under_load_and_no_connection_notices(
    load: Load, ledger: Ledger, form: Form
) -> None:
    stack, times = load.stack, 20 if form.full else 2
    authority = read_authority(stack)
    certificate, key = stack.directory / "own.crt", stack.directory / "own.key"
    handshakes = Handshakes(stack)
    serials = {served_serial(stack)}
    before = dict(stack.variables)
    stack.variables |= {"TLS_CERTIFICATE": str(certificate), "TLS_KEY": str(key)}
    try:
        with load.watch() as window, handshakes.running():
            for _ in range(times):
                pair = issue(authority, NAMES, datetime.now(UTC))
                certificate.write_bytes(pair.certificate)
                key.write_bytes(pair.key)
                os.chown(key, -1, 10001)
                key.chmod(0o640)
                # Not detached: while the step before is still about to end, another would not be made.
                stack.compose("up", "--no-deps", "--no-build", "setup")
                wanted = x509.load_pem_x509_certificate(pair.certificate).serial_number
                eventually(
                    lambda wanted=wanted: served_serial(stack) == wanted, 20, "the new certificate is served"
                )
                serials.add(wanted)
    finally:
        stack.variables.clear()
        stack.variables |= before
        stack.compose("up", "--no-deps", "--no-build", "setup")
    assert len(serials) == times + 1, "each certificate was served"
    with ledger.account(f"certificate replaced {times} times under load") as account:
        why = "; ".join(sorted(set(handshakes.failed))[:3])
        account.add(
            "0 failed handshakes",
            f"{len(handshakes.failed)} of {handshakes.count} {why}".strip(),
            not handshakes.failed and handshakes.count > 20 * times,
        )
        account.add(
            "0 closed websockets", f"{len(window.lost)} of {load.sessions}", not (window.lost or window.wrong)
        )
        account.add("0 failed page loads", say_failures(window), not window.failed)
