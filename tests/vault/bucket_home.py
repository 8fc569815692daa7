"""The company with doorbells, whose vault or whose clear recordings lie in a bucket of a real server."""

from __future__ import annotations

import json
import secrets

from expunge.servers.seaweedfs import SeaweedServer
from tests.stores.s3.s3_company import Shelf, bucket, options
from tests.vault.doorbells import Doorbells

IN_A_FOLDER = "{kind: vault, url: ./world/vault}"


def prefix(server: SeaweedServer, name: str, versioning: str | None = None, **more: object) -> Shelf:
    """A fresh prefix of a bucket."""
    server.start()
    return Shelf(server, bucket(server, name, versioning, **more), f"{secrets.token_hex(6)}/")


def declaration(kind: str, shelf: Shelf) -> str:
    """The line of the map for a store there."""
    return json.dumps({"kind": kind, "url": f"s3://{shelf.name}/{shelf.prefix}", **options(shelf.server)})


def move_vault(home: Doorbells, shelf: Shelf) -> None:
    """Have the vault's sealed files lie there."""
    text = home.map.read_text()
    assert IN_A_FOLDER in text
    home.map.write_text(text.replace(IN_A_FOLDER, declaration("vault", shelf)))
