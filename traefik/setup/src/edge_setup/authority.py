"""A local certificate authority, and the server certificate it issues. Pure: bytes in, bytes out."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME = timedelta(days=3650)
# Browsers accept up to 397 days; Mozilla's recommendations for servers say a year at most.
SERVER_LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


def make_authority(now: datetime) -> KeyPair:
    """Make a self-signed CA that can issue server certificates only directly."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Longitude local CA {now:%Y-%m-%d}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pem(certificate, key)


def issue(authority: KeyPair, names: tuple[str, ...], now: datetime) -> KeyPair:
    """Issue a server certificate for host names and addresses, the first being its common name."""
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    issuer_key = serialization.load_pem_private_key(authority.key, password=None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key is not an elliptic curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(min(now + SERVER_LIFETIME, issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .sign(issuer_key, hashes.SHA256())
    )
    # Without the authority's: whoever trusts it has it, and others gain nothing by it.
    return _pem(certificate, key)


def is_due(server: bytes, authority: bytes, names: tuple[str, ...], now: datetime) -> bool:
    """Return whether a server certificate must be issued anew: names changed, other CA, or expiry near."""
    certificate = x509.load_pem_x509_certificate(server)
    issuer = x509.load_pem_x509_certificate(authority)
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001  the library raises one of three kinds, and each means the same here
        return True
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    wanted = [_general_name(name) for name in names]
    return list(found) != wanted or certificate.not_valid_after_utc - now < RENEW_BEFORE


def mismatch(pair: KeyPair, domain: str, now: datetime) -> str | None:
    """Return why a certificate of the user's cannot be served for a domain, or None."""
    try:
        certificate = x509.load_pem_x509_certificates(pair.certificate)[0]
    except ValueError as error:
        return f"TLS_CERTIFICATE is not a PEM certificate ({error})"
    try:
        key = serialization.load_pem_private_key(pair.key, password=None)
    except (ValueError, TypeError) as error:
        return f"TLS_KEY is not an unencrypted PEM private key ({error})"
    if _public_bytes(key.public_key()) != _public_bytes(certificate.public_key()):
        return "TLS_KEY is not the key of TLS_CERTIFICATE"
    if certificate.not_valid_after_utc <= now:
        return f"TLS_CERTIFICATE expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    wildcard = "*." + domain.partition(".")[2]
    if domain not in names and wildcard not in names:
        return f"TLS_CERTIFICATE is for {', '.join(names) or 'no host name'}, not for DOMAIN {domain}"
    return None


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _public_bytes(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _pem(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
    return KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
