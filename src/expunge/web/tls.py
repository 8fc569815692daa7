"""The certificate of the server and its key: read and checked before the first client connects.

Nothing here depends on the server, so that it can be tried without one.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from expunge import clock
from expunge.errors import Misconfigured

HSTS: Final = {"Strict-Transport-Security": "max-age=31536000"}
"""The header that has clients use TLS for a year; sent over TLS only."""
_OLDER_CLIENTS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and authenticated encryption alone. TLS 1.3 has nothing else."""
_LARGEST = 2**20


@dataclass(frozen=True)
class TlsFiles:
    """The two files of a server that speaks TLS, in PEM."""

    certificate: Path
    """The server's certificate first, then those between it and the root."""
    key: Path

    def context(self) -> tuple[ssl.SSLContext, datetime]:
        """Return the settings for new connections, and until when the certificate is valid.

        Raises:
            Misconfigured: a file cannot be read or is none, others can read the key, the two do not belong together, or the certificate is
                not valid now.
        """
        data = _read(self.certificate, "the certificate")
        key_data = _read(self.key, "the key", secret=True)
        leaf = self._leaf(data)
        self._require_pair(leaf, key_data)
        until = self._require_valid(leaf)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.set_ciphers(_OLDER_CLIENTS)
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (ssl.SSLError, OSError) as error:
            reason = getattr(error, "reason", None) or "it is refused"
            message = f"certificate {self.certificate} and key {self.key} cannot be used: {reason}"
            raise Misconfigured(message, help="use a key of P-256, or of RSA with 2048 bits or more") from error
        return context, until

    def _leaf(self, data: bytes) -> x509.Certificate:
        try:
            return x509.load_pem_x509_certificates(data)[0]
        except ValueError as error:
            message = f"{self.certificate} holds no certificate in PEM"
            raise Misconfigured(message, help="give the file that begins with -----BEGIN CERTIFICATE-----") from error

    def _require_pair(self, leaf: x509.Certificate, key_data: bytes) -> None:
        try:
            key = load_pem_private_key(key_data, None)
        except TypeError as error:
            message = f"the key {self.key} is locked by a passphrase"
            raise Misconfigured(message, help="give one without, readable by this user alone: openssl pkey -in KEY -out PLAIN") from error
        except ValueError as error:
            message = f"{self.key} holds no private key in PEM"
            raise Misconfigured(message, help="give the file that begins with -----BEGIN PRIVATE KEY-----") from error
        form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        if leaf.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
            message = f"the key {self.key} is not that of the first certificate in {self.certificate}"
            raise Misconfigured(message, help="give the two that were made together; the server's own certificate stands first")

    def _require_valid(self, leaf: x509.Certificate) -> datetime:
        now, first, last = clock.now(), leaf.not_valid_before_utc, leaf.not_valid_after_utc
        if now > last:
            message = f"the certificate {self.certificate} ended on {last:%Y-%m-%d %H:%M} UTC"
            raise Misconfigured(message, help="renew it, or set this machine's clock")
        if now < first:
            message = f"the certificate {self.certificate} begins on {first:%Y-%m-%d %H:%M} UTC"
            raise Misconfigured(message, help="wait until then, or set this machine's clock")
        return last


def _read(path: Path, what: str, *, secret: bool = False) -> bytes:
    with _told(path, what), path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            message = f"{what} {path} is no file"
            raise Misconfigured(message, help="give the path of a file in PEM")
        if secret:
            _require_private(path, status)
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        message = f"{what} {path} is larger than {_LARGEST // 2**20} MiB"
        raise Misconfigured(message, help="give the path of a file in PEM")
    return data


@contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        message = f"{what} {path} is not there"
        raise Misconfigured(message, help="give the path of a file in PEM") from error
    except OSError as error:
        message = f"{what} {path} cannot be read: {error.strerror}"
        raise Misconfigured(message, help="let the user who runs the server read it, and nobody else") from error


def _require_private(path: Path, status: os.stat_result) -> None:
    # Why a group is let in at files of root: that is how systems share keys of servers, as PostgreSQL takes them.
    closed_to = stat.S_IRWXO | (stat.S_IWGRP if status.st_uid == 0 != os.geteuid() else stat.S_IRWXG)
    if status.st_mode & closed_to:
        message = f"others can read the key {path}, or write it"
        raise Misconfigured(message, help=f"close it, and have a new one made if others were on this machine: chmod 600 {path}")
