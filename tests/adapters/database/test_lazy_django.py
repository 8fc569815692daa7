from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import expunge.core
import expunge.ports


def modules(package: str, folder: Path) -> list[str]:
    return [f"{package}.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"]


def test_neither_core_nor_ports_nor_the_keystore_import_django() -> None:
    ours = modules("expunge.core", Path(expunge.core.__file__).parent) + modules("expunge.ports", Path(expunge.ports.__file__).parent)
    adapters = [f"expunge.adapters.{name}" for name in ("clock", "gate_file", "keys_local", "outbox_files", "shelf_files", "state")]
    code = f"import sys, importlib\nfor name in {[*ours, *adapters]}: importlib.import_module(name)\nprint('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert len(ours) > 20
    assert done.stdout.strip() == "False"
