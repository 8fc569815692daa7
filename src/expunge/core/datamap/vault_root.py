"""The root of the vault, as the map names it: the place that keeps the keys of epochs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class RootKind(StrEnum):
    """The kinds of root."""

    FOLDER = "folder"
    """A folder below the state, behind the keystore's passphrase where it has one."""
    PKCS11 = "pkcs11"
    """A token, through its maker's PKCS#11 library."""
    TRANSIT = "transit"
    """The transit engine of OpenBao or HashiCorp Vault."""


PREFIX = "expunge"
MOUNT = "transit"


@dataclass(frozen=True)
class RootSpec:
    """The section ``vault_root``. A PIN or a token of a service never stands in it: it names the file or the variable."""

    kind: RootKind = RootKind.FOLDER
    library: str = ""
    """Of a token: the absolute path of its PKCS#11 library."""
    token: str = ""
    """Of a token: its label."""
    url: str = ""
    """Of a key service: its address."""
    mount: str = ""
    """Of a key service: where the transit engine is mounted."""
    prefix: str = ""
    """The beginning of the names of its keys."""
    secret_file: str = ""
    """The absolute path of a file whose first line is the token's PIN, or the service's token."""
    secret_variable: str = ""
    """The variable of the environment that holds it instead."""
    before: RootSpec | None = None
    """The root that the vault moves away from: it keeps the epochs that were made there."""
    line: int = field(default=0, compare=False)
    """Line of the map, for messages."""

    @property
    def place(self) -> str:
        """Return what people call it."""
        match self.kind:
            case RootKind.FOLDER:
                return "the folder vault/root of the state"
            case RootKind.PKCS11:
                return f"the token {self.token}"
            case RootKind.TRANSIT:
                return f"the key service at {self.url}"

    @property
    def identity(self) -> tuple[str, ...]:
        """Return the words by which it is the same root, wherever its library or its server has moved to."""
        return self.kind.value, self.token or self.mount, self.prefix
