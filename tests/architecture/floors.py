"""Floors of a room: the folders inside it, which of them may import which, and how many modules each may hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.architecture.source import PACKAGE, Module, Tree

MOST_MODULES = 20
"""A folder with more is a heap: nobody finds anything in it."""

OF_A_LIBRARY = frozenset({f"{PACKAGE}.adapters.state.sqlite"})
"""Folders whose form a library asks for: Django looks for a database backend's module ``base``."""

FLOORS: dict[str, dict[str, str]] = {
    "core": {
        "values": "",
        "": "values",
        "accounts": "values",
        "attempts": "values",
        "datamap": "values accounts",
        "gate": "values datamap",
        "models": "values",
        "lineage": "values datamap",
        "discovery": "values datamap",
        "log": "values .",
        "retention": "values datamap",
        "consent": "values datamap log",
        "disgorgement": "values datamap lineage",
        "evidence": "values datamap models .",
        "pages": "values datamap models retention disgorgement evidence",
        "verification": "values . log evidence pages",
        "journal": "values accounts datamap models lineage discovery retention consent disgorgement",
        "export": "values datamap log evidence journal",
        "orders": "values accounts datamap models lineage evidence journal",
        "families": "values accounts datamap journal orders",
        "review": "values accounts datamap journal families log evidence verification .",
        "noticing": "values accounts journal .",
        "incidents": "values accounts disgorgement journal",
    },
    "engine": {
        "kernel": "",
        "short_rows": "kernel",
        "lineage": "kernel",
        "opaque": "kernel",
        "subjects": "kernel lineage",
        "gate": "kernel subjects",
        "vault": "kernel subjects gate",
        "discovery": "kernel opaque subjects",
        "export": "kernel subjects gate vault",
        "intake": "kernel subjects gate export",
        "consent": "kernel subjects gate intake",
        "recipients": "kernel subjects gate intake",
        "accounts": "kernel gate consent recipients",
        "models": "kernel lineage subjects gate intake",
        "evidence": "kernel short_rows lineage opaque subjects gate models",
        "retention": "kernel lineage subjects gate intake consent recipients evidence",
        "execution": "kernel lineage subjects gate export intake consent recipients models evidence retention",
        "destruction": "kernel lineage subjects intake consent recipients retention execution",
        "threads": "kernel recipients",
        "cohorts": "kernel subjects recipients retention",
        "noticing": "kernel accounts consent recipients",
        "incidents": "kernel accounts consent recipients",
        "reports": (
            "kernel subjects gate vault consent recipients accounts retention execution destruction threads cohorts noticing incidents"
        ),
        "aftercare": "kernel opaque subjects gate intake consent models evidence execution",
        "review": "kernel gate accounts reports",
        "families/recordings": "kernel subjects gate vault accounts review",
        "requests": "kernel recipients execution threads export",
        "families/stopping": "kernel subjects gate intake consent recipients accounts retention execution",
        "families": (
            "kernel lineage subjects gate vault intake consent recipients accounts models evidence retention execution threads reports "
            "families/stopping"
        ),
        "apps": "kernel families intake requests",
    },
    "stores": {
        "": "",
        "backup": "",
        "near": "",
        "reach": "",
        "parquet/format": "",
        "tables": "",
        "tree": "tables",
        "arrow": "tree",
        "files": "near reach tree",
        "postgres/server": ".",
        "postgres/schema": "postgres/server",
        "sqlite": "near reach tables",
        "postgres/reading": "tables postgres/server postgres/schema",
        "s3": ". tree",
        "vault": "near reach tree s3",
        "faiss": "near tree arrow files",
        "mlflow": "near tables tree sqlite",
        "parquet/lake": "tree arrow files",
        "postgres/ladder": ". postgres/server postgres/schema",
        "lancedb": ". near tree arrow files",
        "parquet/rewrite": "parquet/format tree arrow parquet/lake",
        "postgres": "tables postgres/server postgres/schema postgres/reading postgres/ladder",
        "parquet": "near tables tree arrow files s3 parquet/lake parquet/rewrite",
        "survey": "tree arrow sqlite postgres/server postgres/schema s3 parquet/lake",
    },
    "learn": {
        "forecast": "",
        "records": "",
        "serving": "",
        "base": "records",
        "provenance": "records",
        "exact": "records base",
        "features": "records serving",
        "proof": "records base",
        "sharded": "records base",
        "": "records serving base features sharded",
    },
    "residue": {
        "matching": "",
        "forms": "matching",
        "formats": "matching",
        "formats/containers": "matching formats",
        "placing/parquet": "matching formats",
        "placing": "matching formats placing/parquet",
        "short_rows": "matching formats placing",
        "take": "matching forms formats formats/containers",
        "opaque": "matching formats formats/containers",
        "scanning": "matching forms formats formats/containers placing short_rows take opaque",
    },
    "vault": {
        "keys": "",
        "": "keys",
    },
    "maps": {
        "document": "",
        "drawing": "",
        "proposal": "document",
        "schema": "document",
        "sections": "document",
        "sections/pages": "document sections",
        "reading": "document sections sections/pages",
        "review": "document proposal sections",
        "destruction": "document schema sections",
    },
    "adapters": {
        "commands": "",
        "credentials": "",
        "host": "",
        "outbound": "",
        "noticing": "",
        "policy": "",
        "state/migrations": "",
        "state/sqlite": "",
        "asking": "outbound",
        "closed": "host",
        "decoding": "",
        "sketching": "closed decoding",
        "rendering": "closed decoding",
        "keys": "host",
        "roots": "host keys",
        "keeper": "host",
        "keeper/families": "keeper",
        "log": "host outbound",
        "files": "host keys",
        "state": "host state/migrations",
        "database": "host files state",
        "clerk": "keeper",
        "desk": "keeper clerk",
        "reviews": "keeper clerk",
    },
    "bootstrap/clerk": {
        "": "",
        "rounds": ".",
        "desks": ". rounds",
    },
    "cli": {
        "terminal": "",
        "estate": "terminal",
        "gate": "terminal",
        "orders": "terminal",
        "services": "terminal",
        "duties": "terminal orders",
        "desk": "terminal orders duties",
        "": "terminal estate gate orders services duties desk",
    },
    "web": {
        "": "",
        "site/shell": ".",
        "site/accounts/migrations": "",
        "site/accounts/columns": "",
        "site/mail/migrations": "",
        "site/mail": "",
        "site/accounts": ". site/shell site/accounts/columns site/mail",
        "site/defence/migrations": "",
        "site/defence": "site/shell site/accounts site/accounts/columns",
        "site/factors": "site/shell site/accounts",
        "site/families": "site/shell site/accounts site/defence site/factors",
        "site/receipts": "site/shell",
        "site/portal": ". site/shell site/accounts site/defence site/factors site/receipts",
        "site/portal/stopping": "site/shell site/portal",
        "site/portal/recordings": "site/shell site/portal",
        "site/portal/reviews": "site/shell site/accounts site/factors site/receipts site/portal site/portal/recordings",
        "site/portal/guardians": "site/shell site/accounts site/defence site/factors site/portal",
        "site/portal/exporting": "site/shell site/accounts site/factors site/portal site/portal/stopping",
        "site/staff": "site/shell site/accounts site/defence",
        "site/staff/managing": "site/shell site/accounts site/defence site/staff",
        "site/desk": "site/shell site/accounts site/defence site/staff",
        "site/desk/requests": "site/staff site/desk",
        "site/desk/approvals": "site/desk",
        "site/desk/findings": "site/desk",
        "site/desk/people": "site/accounts site/staff site/desk",
        "site/desk/looks": "site/desk",
        "site/desk/incidents": "site/desk",
        "site/desk/viewing": ". site/shell site/desk site/desk/requests",
        "site/desk/orders": "site/shell site/receipts site/staff site/desk",
        "site/providers/protocol": "",
        "site/providers": "site/shell site/accounts site/accounts/columns site/staff site/providers/protocol",
        "site": ". site/shell site/accounts site/mail site/defence site/factors site/families site/portal site/staff site/staff/managing "
        "site/providers",
        "serving": ". site",
    },
    "demo": {
        "voices": "",
        "company": "voices",
        "story": "voices company",
        "serving": "voices company story",
        "": "story",
    },
}
"""Room -> floor -> the floors of the same room that it may import, bottom first. ``.`` is the room's own folder.

A folder of ``bootstrap`` may have floors of its own: the room as a whole has none, because it puts all others together.
"""

NEW_FLOORS = {"stores": "near tree tables arrow"}
"""Room -> the floors that a floor may import which the table does not name: a new kind of store needs no line there."""


def floors(tree: Tree) -> Iterator[str]:
    """Every import inside a room goes along an arrow between its floors; a folder that is not on the map is a fault too."""
    for module in tree:
        room = room_of(tree, module)
        arrows = FLOORS.get(room)
        if arrows is None:
            continue
        here = floor_of(tree, module, room)
        below = arrows.get(here, NEW_FLOORS.get(room) if here else None)
        if below is None:
            if not (here == "" and module.path.name == "__init__.py"):
                yield f"{module.name}: the floor {here or '.'!r} of {room} is not on the map of floors"
            continue
        allowed = {"" if each == "." else each for each in below.split()} | {here}
        for each in module.imports:
            target = tree.resolve(each.target)
            if target is None or room_of(tree, tree.modules[target]) != room or target == f"{PACKAGE}.{room.replace('/', '.')}":
                continue
            there = floor_of(tree, tree.modules[target], room)
            if there not in allowed:
                yield f"{module.name}:{each.line}: {room}/{here} may not import {room}/{there} ({target})"


def room_of(tree: Tree, module: Module) -> str:
    """Return the room of a module, or the folder of it that has floors of its own."""
    folder = f"{module.room}/{floor_of(tree, module)}"
    return next((room for room in FLOORS if "/" in room and f"{folder}/".startswith(f"{room}/")), module.room)


def floor_order(floors_of: dict[str, dict[str, str]]) -> Iterator[str]:
    """No floor may import one that stands after it in the table."""
    for room, arrows in floors_of.items():
        seen = {""} if "" not in arrows else set[str]()
        for floor, below in arrows.items():
            for each in below.split():
                if ("" if each == "." else each) not in seen:
                    yield f"{room}/{floor} may import {each}, which does not lie below it"
            seen.add(floor)


def folder_sizes(tree: Tree) -> Iterator[str]:
    """No folder has more than twenty modules, and none that was made inside a room has only one."""
    held: dict[str, int] = defaultdict(int)
    for module in tree:
        if module.path.name != "__init__.py":
            held[module.name.rpartition(".")[0]] += 1
    for folder, count in held.items():
        if count > MOST_MODULES:
            yield f"{folder}: {count} modules in one folder, more than {MOST_MODULES}"
        if count == 1 and folder not in OF_A_LIBRARY and folder.count(".") >= 2 and not _has_folders(tree, folder):
            yield f"{folder}: a folder for one module"


def floor_of(tree: Tree, module: Module, room: str = "") -> str:
    """Return the folder of a module inside its room: ``ladder`` or ``postgres/ladder``; empty for the room's own."""
    parts = module.name.split(".")
    if module.path.name != "__init__.py":
        parts = parts[:-1]
    return "/".join(parts[2 + room.count("/") :])


def _has_folders(tree: Tree, folder: str) -> bool:
    return any(module.path.name == "__init__.py" and module.name.startswith(f"{folder}.") for module in tree)
