"""The proxy's TLS offers strong protocols and ciphers, and no others, as OpenSSL sees it."""

import socket
import ssl
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from stack import Stack

MODERN = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
}
CURVES = {"X25519MLKEM768", "X25519", "prime256v1", "secp384r1"}


def shake(stack: Stack, *options: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Shake hands with `openssl s_client`, which refuses nothing by itself."""
    address = ["-connect", f"localhost:{stack.https_port}", "-servername", "localhost"]
    return subprocess.run(
        ["openssl", "s_client", *address, "-CAfile", str(stack.ca), *options],
        input=said,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=30,
        check=False,
    )


def succeeds(done: subprocess.CompletedProcess[str]) -> bool:
    return done.returncode == 0 and "Cipher is (NONE)" not in done.stdout and "New, TLS" in done.stdout


@pytest.mark.parametrize(
    ("protocol", "offered"), [("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)]
)
def test_only_the_protocols_of_today_are_offered(stack: Stack, protocol: str, offered: bool) -> None:
    done = shake(stack, protocol, "-cipher", "DEFAULT@SECLEVEL=0")
    assert succeeds(done) is offered, done.stdout


def test_every_cipher_that_is_offered_is_strong_and_forward_secret(stack: Stack) -> None:
    listed = subprocess.run(
        ["openssl", "ciphers", "ALL:COMPLEMENTOFALL@SECLEVEL=0"], capture_output=True, text=True, check=True
    )
    names = [name for name in listed.stdout.strip().split(":") if not name.startswith("TLS_")]
    assert len(names) > 50
    offered = {name for name in names if succeeds(shake(stack, "-tls1_2", "-cipher", f"{name}@SECLEVEL=0"))}
    assert offered == MODERN


def test_curves_are_the_recommended_ones(stack: Stack) -> None:
    known = [*CURVES, "secp521r1", "X448", "brainpoolP256r1", "secp256k1", "ffdhe2048"]
    offered = {name for name in known if succeeds(shake(stack, "-tls1_3", "-groups", name))}
    assert offered == CURVES


def test_nothing_is_compressed_and_renegotiation_is_refused(stack: Stack) -> None:
    done = shake(stack, "-tls1_2", "-comp", said="R\n")
    assert "Compression: NONE" in done.stdout
    assert "Secure Renegotiation IS supported" in done.stdout
    assert "alert" in done.stdout.partition("RENEGOTIATING")[2], done.stdout


def test_chain_is_complete_short_and_trusted(stack: Stack) -> None:
    done = shake(stack, "-showcerts", "-verify_return_error", "-verify_hostname", "localhost")
    assert "Verify return code: 0 (ok)" in done.stdout
    assert done.stdout.count("BEGIN CERTIFICATE") == 1, "the CA is not sent along"
    context = ssl.create_default_context(cafile=str(stack.ca))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with (
        socket.create_connection(("localhost", stack.https_port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        der = connection.getpeercert(binary_form=True)
    assert der is not None
    certificate = x509.load_der_x509_certificate(der)
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.key_size >= 256
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc < timedelta(days=366)
    assert certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=30)


def test_fallback_to_an_older_protocol_is_noticed(stack: Stack) -> None:
    done = shake(stack, "-fallback_scsv", "-no_tls1_3")
    assert "inappropriate fallback" in done.stdout
