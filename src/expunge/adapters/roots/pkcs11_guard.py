"""A guard in a PKCS#11 token: for each epoch one AES-256 key, which is sensitive and cannot be extracted."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass, exceptions

from expunge.errors import KeystoreLocked, KeyUnknown, RootUnavailable, StateCorrupt

_NONCE = 12
_TAG = 16
_LOCKED = (
    exceptions.PinIncorrect,
    exceptions.PinInvalid,
    exceptions.PinLenRange,
    exceptions.PinLocked,
    exceptions.PinExpired,
    exceptions.UserPinNotInitialized,
)
_REFUSED = (exceptions.TokenWriteProtected, exceptions.SessionReadOnly, exceptions.FunctionNotSupported)
_CHANGED = (exceptions.EncryptedDataInvalid, exceptions.EncryptedDataLenRange)

_lock = threading.RLock()
"""One lock for all tokens: a login holds for the whole process."""
_loaded: dict[str, tuple[int, Any]] = {}
"""Libraries by path, each with the process that initialised it: a fork has to do so again."""


class Pkcs11Guard:
    """Implements :class:`expunge.adapters.roots.guarded_root.Guard`. A session lasts for one call: epochs are opened a few times a day."""

    def __init__(self, library: Path, token: str, pin: Callable[[], str]) -> None:
        """Name a token; nothing is asked of it yet.

        Args:
            library: the maker's PKCS#11 library, such as ``/usr/lib/softhsm/libsofthsm2.so``.
            token: the token's label.
            pin: of its user; asked for before each call: it may be changed.
        """
        self._library = str(library)
        self._token = token
        self._pin = pin

    def __repr__(self) -> str:
        return "Pkcs11Guard(…)"

    def names(self, prefix: str) -> set[str]:
        """Return the labels of its keys that start with ``prefix``."""
        with self._session() as session:
            keys = session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES})
            return {key.label for key in keys if key.label.startswith(prefix)}

    def make(self, name: str) -> None:
        """Make a key in the token, unless a key of that label exists."""
        with self._session() as session:
            if _found(session, name) is None:
                never = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True}
                # commit point: the token has the key.
                session.generate_key(KeyType.AES, 256, label=name, store=True, template=never)

    def seal(self, name: str, key: bytes) -> bytes:
        """Seal by AES-256-GCM inside the token. Raises KeyUnknown."""
        nonce = secrets.token_bytes(_NONCE)
        with self._session() as session:
            sealed: bytes = _get(session, name).encrypt(key, mechanism=Mechanism.AES_GCM, mechanism_param=_params(nonce, name))
        return nonce + sealed

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """Open inside the token. Raises KeyUnknown, StateCorrupt."""
        with self._session() as session:
            try:
                key: bytes = _get(session, name).decrypt(
                    sealed[_NONCE:], mechanism=Mechanism.AES_GCM, mechanism_param=_params(sealed[:_NONCE], name)
                )
            except _CHANGED:
                raise StateCorrupt("an epoch's file does not open in the token", help="put the root's folder back") from None
        return key

    def remove(self, name: str) -> None:
        """Destroy a key in the token."""
        with self._session() as session:
            key = _found(session, name)
            if key is not None:
                # commit point: the key is gone from the token.
                key.destroy()

    @contextmanager
    def _session(self) -> Iterator[Any]:
        pin = self._pin()
        with _lock:
            library = _library(self._library)
            try:
                with library.get_token(token_label=self._token).open(user_pin=pin, rw=True) as session:
                    yield session
            except _LOCKED:
                raise KeystoreLocked(
                    "the token does not take this PIN", help="correct it first: too many wrong ones lock the token"
                ) from None
            except exceptions.NoSuchToken as error:
                message = f"the library shows no token {self._token!r}: it is not there, or was never initialised"
                raise RootUnavailable(message, help="plug it in, or initialise it under this label; nothing was lost") from error
            except _REFUSED as error:
                message = f"the token refuses: {type(error).__name__}"
                raise RootUnavailable(message, help="give its user the right to make, use and destroy AES keys in it") from error
            except (exceptions.PKCS11Error, RuntimeError) as error:
                message = f"the token does not answer: {type(error).__name__}"
                raise RootUnavailable(
                    message, help="see that it is plugged in and its library is the right one; nothing was lost"
                ) from error


def _load(path: str) -> Any:
    held = _loaded.get(path)
    if held is None or held[0] != os.getpid():
        library = pkcs11.lib(path)
        if held is not None:
            library.reinitialize()
        _loaded[path] = held = os.getpid(), library
    return held[1]


def _library(path: str) -> Any:
    """Return the library. Raises RootUnavailable where it cannot be loaded."""
    try:
        return _load(path)
    except (exceptions.PKCS11Error, RuntimeError, OSError) as error:
        message = f"the PKCS#11 library {path} cannot be loaded"
        raise RootUnavailable(message, help="correct `library:`; its maker's package says where it lies. Nothing was lost") from error


def forget_tokens() -> None:
    """Have the libraries look for tokens again: some of them look only once."""
    with _lock:
        for _, library in _loaded.values():
            library.reinitialize()


def _found(session: Any, name: str) -> Any:
    try:
        return session.get_key(object_class=ObjectClass.SECRET_KEY, key_type=KeyType.AES, label=name)
    except exceptions.NoSuchKey:
        return None


def _get(session: Any, name: str) -> Any:
    key = _found(session, name)
    if key is None:
        raise KeyUnknown("the token has no key for this epoch", help="see that it is the right token")
    return key


def _params(nonce: bytes, name: str) -> Any:
    return GCMParams(nonce, name.encode(), _TAG * 8)
