"""Seals and opens by the specification alone (`docs/spec/sealed.md`): HKDF-Expand from ``hmac``, AES-GCM from bare ciphers.

Nothing of :mod:`expunge.vault` is used. It is slow, and checks that it is asked for something sensible nowhere.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

CHUNK, TAG, SALT, HEADER = 16384, 16, 24, 56


class Refused(Exception):
    """The bytes do not open."""


@dataclass(frozen=True)
class Derived:
    key: bytes
    base_nonce: bytes
    commitment: bytes

    def nonce(self, number: int) -> bytes:
        return bytes(a ^ b for a, b in zip(self.base_nonce, number.to_bytes(12, "big"), strict=True))


def derive(key: bytes, context: bytes, salt: bytes) -> Derived:
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    made, block, counter = b"", b"", 0
    while len(made) < 76:
        counter += 1
        block = hmac.digest(key, block + info + bytes([counter]), "sha512")
        made += block
    return Derived(made[:32], made[32:44], made[44:76])


def seal(key: bytes, content: bytes, context: bytes, salt: bytes) -> bytes:
    derived = derive(key, context, salt)
    sealed = salt + derived.commitment
    for number in range(len(content) // CHUNK + 1):
        made = Cipher(algorithms.AES(derived.key), modes.GCM(derived.nonce(number))).encryptor()
        sealed += made.update(content[number * CHUNK : (number + 1) * CHUNK]) + made.finalize() + made.tag
    return sealed


def unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    if len(sealed) < HEADER or len(key) != 32:
        raise Refused
    derived = derive(key, context, sealed[:SALT])
    if derived.commitment != sealed[SALT:HEADER]:
        raise Refused
    content, rest, number = b"", sealed[HEADER:], 0
    while True:
        chunk, rest = rest[: CHUNK + TAG], rest[CHUNK + TAG :]
        if len(chunk) < TAG:
            raise Refused
        opened = Cipher(algorithms.AES(derived.key), modes.GCM(derived.nonce(number), chunk[-TAG:])).decryptor()
        try:
            content += opened.update(chunk[:-TAG]) + opened.finalize()
        except InvalidTag:
            raise Refused from None
        number += 1
        if len(chunk) < CHUNK + TAG:
            if rest:
                raise Refused
            return content
