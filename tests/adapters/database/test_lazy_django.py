from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import expunge.core
import expunge.ports


def modules(package: str, folder: Path) -> list[str]:
    paths = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py") if path.stem != "__init__")
    return [f"{package}.{'.'.join(path.parts)}" for path in paths]


def test_neither_core_nor_ports_nor_the_keystore_import_django() -> None:
    ours = modules("expunge.core", Path(expunge.core.__file__).parent) + modules("expunge.ports", Path(expunge.ports.__file__).parent)
    adapters = [
        f"expunge.adapters.{name}"
        for name in ("host.clocks", "files.gate_file", "keys.local_keystore", "files.outbox_files", "files.shelf_files", "state")
    ]
    code = f"import sys, importlib\nfor name in {[*ours, *adapters]}: importlib.import_module(name)\nprint('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert len(ours) > 80
    assert done.stdout.strip() == "False"
