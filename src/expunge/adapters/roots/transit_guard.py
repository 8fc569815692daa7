"""A guard in OpenBao or HashiCorp Vault: for each epoch one key of the transit engine, which cannot be exported."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from expunge.core.values.service_address import fault_of
from expunge.errors import KeystoreLocked, KeyUnknown, Misconfigured, RootUnavailable, StateCorrupt

_MOST = 1 << 20


class TransitGuard:
    """Implements :class:`expunge.adapters.roots.guarded_root.Guard` over the HTTP interface that both servers share."""

    def __init__(self, address: str, token: Callable[[], str], mount: str = "transit", seconds: float = 10.0) -> None:
        """Name a server; nothing is asked of it yet.

        Args:
            address: its base URL: https, or http to this machine alone.
            token: asked for before each call: it may be renewed. Its policy needs ``keys``, ``encrypt`` and ``decrypt`` of the mount.
            mount: where the transit engine is mounted.
            seconds: the longest wait for an answer.

        Raises:
            Misconfigured: the address is not safe.
        """
        fault = fault_of(urlsplit(address))
        if fault:
            message = f"the key service: {fault}"
            raise Misconfigured(message, help="https, or http to this machine alone")
        self._url = urlsplit(address)
        self._token = token
        self._mount = mount
        self._seconds = seconds

    def __repr__(self) -> str:
        return "TransitGuard(…)"

    def names(self, prefix: str) -> set[str]:
        """Return the names of its keys that start with ``prefix``."""
        status, answer = self._ask("LIST", "keys")
        if status == 404:  # it has no keys
            return set()
        _check(status)
        return {name for name in answer["data"]["keys"] if name.startswith(prefix)}

    def make(self, name: str) -> None:
        """Make a key, unless a key of that name exists."""
        # commit point: the service has the key.
        _check(self._ask("POST", f"keys/{name}", {"type": "aes256-gcm96", "exportable": False, "allow_plaintext_backup": False})[0])

    def seal(self, name: str, key: bytes) -> bytes:
        """Seal at the service. Raises KeyUnknown."""
        if name not in self.names(name):
            raise KeyUnknown("the key service has no key for this epoch", help="see that it is the right server")
        status, answer = self._ask("POST", f"encrypt/{name}", {"plaintext": _text(key), "associated_data": _text(name.encode())})
        _check(status)
        sealed: str = answer["data"]["ciphertext"]
        return sealed.encode("ascii")

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """Open at the service. Raises KeyUnknown, StateCorrupt."""
        body = {"ciphertext": sealed.decode("ascii", "replace"), "associated_data": _text(name.encode())}
        status, answer = self._ask("POST", f"decrypt/{name}", body)
        if status == 400:
            if name not in self.names(name):
                raise KeyUnknown("the key service has no key for this epoch", help="see that it is the right server")
            raise StateCorrupt("an epoch's file does not open at the key service", help="put the root's folder back")
        _check(status)
        return base64.b64decode(answer["data"]["plaintext"])

    def remove(self, name: str) -> None:
        """Destroy a key with all its versions."""
        if name not in self.names(name):
            return
        _check(self._ask("POST", f"keys/{name}/config", {"deletion_allowed": True})[0])
        # commit point: the key is gone from the service.
        _check(self._ask("DELETE", f"keys/{name}")[0])

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Return status and answer of one call. Raises RootUnavailable, KeystoreLocked."""
        url, headers = self._url, {"X-Vault-Token": self._token(), "Content-Type": "application/json"}
        if url.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                url.netloc, timeout=self._seconds, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(url.netloc, timeout=self._seconds)
        try:
            connection.request(
                method, f"{url.path.rstrip('/')}/v1/{self._mount}/{path}", None if body is None else json.dumps(body), headers
            )
            response = connection.getresponse()
            data = response.read(_MOST)
            answer = json.loads(data) if data else {}
        except (OSError, http.client.HTTPException, ValueError) as error:
            message = f"the key service does not answer: {type(error).__name__}"
            raise RootUnavailable(message, help=_AWAY) from error
        finally:
            connection.close()
        if response.status in (401, 403):
            raise KeystoreLocked("the key service does not take this token", help="give one whose policy allows the transit engine")
        return response.status, answer


_AWAY = "see that it runs and is unsealed; what was read before stays readable, nothing was lost"


def _check(status: int) -> None:
    if not 200 <= status < 300:
        message = f"the key service answered {status}"
        raise RootUnavailable(message, help=_AWAY)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
