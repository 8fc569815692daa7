"""Every module of the package can be imported on this Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from expunge import learn

SOURCE = Path(__file__).resolve().parents[1] / "src"

PAGES = "expunge.web.site"
"""Modules below it have tables: they are imported where Django is set up for them, as the server does."""

IMPORT_ALL = """
import importlib, sys
if sys.argv[1:]:
    from expunge.core.accounts.accounts_spec import AccountsSpec
    from expunge.web.site.settings import set_up
    set_up(AccountsSpec("http://localhost:8000"), {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"})
broken = []
for name in sys.stdin.read().split():
    try:
        importlib.import_module(name)
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "torch":  # the one extra that may be left out
            broken.append(f"{name}: {error}")
print("\\n".join(broken))
"""


def test_every_module_can_be_imported() -> None:
    names = [".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in sorted(SOURCE.rglob("*.py")) if path.stem != "__main__"]
    assert len(names) > 500
    names = [name.removesuffix(".__init__") for name in names]
    pages = [name for name in names if name.startswith(PAGES)]
    assert len(pages) > 30
    for arguments, those in (([], [name for name in names if name not in pages]), (["pages"], pages)):
        # In a process of its own: what a module does to the process when it is imported does not reach the tests.
        command = [sys.executable, "-c", IMPORT_ALL, *arguments]
        done = subprocess.run(command, input="\n".join(those), capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_every_name_that_is_imported_late_leads_to_a_module() -> None:
    places = {name: module for name, (module, _) in learn._WHERE.items()}
    missing = {
        name: module for name, module in places.items() if not (SOURCE / "expunge/learn" / f"{module.replace('.', '/')}.py").is_file()
    }
    assert missing == {}


def test_the_scan_is_there_under_its_public_name() -> None:
    import expunge.residue
    from expunge.residue import Limits, ResidueScanner, scan

    assert (scan.__name__, ResidueScanner.__name__, Limits.__name__) == ("scan", "ResidueScanner", "Limits")
    assert not hasattr(expunge.residue, "Nothing")
