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
            if "too old" in str(answer.get("errors")):
                message = "the key service refuses the version of its key that sealed this epoch"
                raise RootUnavailable(message, help="its `min_decryption_version` was raised: set it back to 1; nothing was lost")
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

    def lacking(self, prefix: str) -> tuple[str, ...]:
        """Return the calls that this token's policy does not allow, for keys whose names start with ``prefix``."""
        wanted = {f"{self._mount}/{path}": words for path, words in _needed(f"{prefix}-0-epoch-1").items()}
        status, answer = self._ask("POST", "capabilities-self", {"paths": list(wanted)}, "sys")
        _check(status)
        had = {path: set(answer.get("data", answer).get(path, ())) for path in wanted}
        return tuple(
            f"{word} on {path.replace('0-epoch-1', '*')}"
            for path, words in wanted.items()
            for word in sorted(words)
            if word not in had[path] and "root" not in had[path]
        )

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, mount: str = "") -> tuple[int, Any]:
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
                method, f"{url.path.rstrip('/')}/v1/{mount or self._mount}/{path}", None if body is None else json.dumps(body), headers
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
            message = f"the key service does not take this token for {method} {mount or self._mount}/{path.partition('/')[0]}"
            raise KeystoreLocked(message, help="it is wrong or has expired, or its policy lacks that; see docs/howto/roots.md")
        if response.status == 503:
            raise RootUnavailable("the key service is sealed, or not ready", help=_AWAY)
        if response.status == 404 and answer.get("errors"):
            message = f"the key service has no transit engine at {self._mount}"
            raise RootUnavailable(message, help="mount it there, or correct `mount:`; nothing was lost")
        return response.status, answer


def _needed(name: str) -> dict[str, set[str]]:
    """Return the capabilities that are needed below the mount: path -> words."""
    # A key is made and configured by POST. Each is `update` for a key that is there; `create` for one that is not.
    return {
        "keys": {"list"},
        f"keys/{name}": {"create", "update", "delete"}, f"keys/{name}/config": {"update"}, f"encrypt/{name}": {"update"},
        f"decrypt/{name}": {"update"},
    }  # fmt: skip


_AWAY = "see that it runs and is unsealed; nothing was lost, and programs that opened an epoch before go on"


def _check(status: int) -> None:
    if not 200 <= status < 300:
        message = f"the key service answered {status}"
        raise RootUnavailable(message, help=_AWAY)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
