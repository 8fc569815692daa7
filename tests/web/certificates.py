"""Certificates for tests: made anew each time, with whatever is wrong with them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from expunge import clock
from expunge.web.tls import TlsFiles
from tests.moment import of_the_machine

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Made:
    files: TlsFiles
    certificate: bytes
    key: bytes
    serial: int

    @property
    def options(self) -> tuple[str | Path, ...]:
        """The options of `expunge serve`."""
        return "--tls-cert", self.files.certificate, "--tls-key", self.files.key


def make(folder: Path, begins: timedelta | None = None, ends: timedelta = 90 * DAY, passphrase: bytes = b"") -> Made:
    """A certificate for 127.0.0.1 that vouches for itself, and its key, both in files of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    key, now = ec.generate_private_key(ec.SECP256R1()), clock.now()
    # Clients look at it by the machine's clock.
    first = of_the_machine() - DAY if begins is None else now + begins
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    serial = x509.random_serial_number()
    built = x509.CertificateBuilder(name, name, key.public_key(), serial, first, now + ends)
    uses = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    ours = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # Clients of today ask all of this of a certificate that vouches for itself.
    for extension, critical in (
        (names, False),
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **uses), True),
        (ours, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ours), False),
    ):
        built = built.add_extension(extension, critical)
    certificate = built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    lock: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
    return write(folder, certificate, secret, serial)


def write(folder: Path, certificate: bytes, key: bytes, serial: int = 0) -> Made:
    """Put the two into files."""
    files = TlsFiles(folder / "server.pem", folder / "server.key")
    files.certificate.write_bytes(certificate)
    files.key.touch(mode=0o600)
    files.key.write_bytes(key)
    return Made(files, certificate, key, serial)
