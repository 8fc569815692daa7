"""Recorded voices from Debian's packages of telephone prompts: fetched and unpacked in place, by an ordinary user.

There are five voices, each with its sentences. The packages are free (CC BY-SA 3.0 and CC BY 3.0). Their authors are credited beside the
data. Nothing is installed, and nothing outside the cache folder is written.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Prompts:
    """One voice of the packages."""

    language: str
    speaker: str
    """Who was recorded, for the credits."""
    licence: str

    @property
    def packages(self) -> tuple[str, str]:
        """The package with the sound and the one with the text."""
        return f"asterisk-core-sounds-{self.language}-wav", f"asterisk-core-sounds-{self.language}"


PROMPTS = (
    Prompts("en", "Allison Smith, theivrvoice.com", "CC BY-SA 3.0"),
    Prompts("fr", "June Wallack, junewallack.com", "CC BY-SA 3.0"),
    Prompts("it", "Carlo Flora, carloflora.com", "CC BY 3.0"),
    Prompts("es", "Allison Smith, theivrvoice.com", "CC BY-SA 3.0"),
    Prompts("ru", "provided by Maxim Topal, ivrvoice.ru", "CC BY 3.0"),
)
"""Five voices; the English and the Spanish one are the same person's."""


@dataclass(frozen=True)
class Utterance:
    """One recorded prompt."""

    path: Path
    text: str
    """What the packages say that it says."""


def fetch(cache: Path) -> str:
    """Make sure that the packages lie unpacked in ``cache``. Return why they do not, or an empty string."""
    done = cache / "complete"
    if done.is_file():
        return ""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            return f"{tool} is not here, so the recorded voices of the Debian packages cannot be had"
    cache.mkdir(parents=True, exist_ok=True)
    names = [name for prompts in PROMPTS for name in prompts.packages]
    if _run(["apt-get", "download", *names], cache):
        # The lists of this machine are empty or stale: fetch our own, which needs no rights.
        private = [*_private_lists(cache)]
        trouble = _run(["apt-get", *private, "update"], cache) or _run(["apt-get", *private, "download", *names], cache)
        if trouble:
            return f"the voice packages could not be fetched ({trouble})"
    for package in sorted(cache.glob("*.deb")):
        trouble = _run(["dpkg-deb", "-x", package.name, "unpacked"], cache)
        if trouble:
            return f"a voice package could not be unpacked ({trouble})"
        # Unpacked, an archive is of no more use: 20 MB each.
        package.write_bytes(b"")
    done.write_text("\n".join(names) + "\n", "utf-8")
    return ""


def utterances(cache: Path, prompts: Prompts) -> list[Utterance]:
    """Return the sentences of one voice: those of five words and more, shortest text first."""
    base = cache / "unpacked" / "usr" / "share"
    text_file = base / "doc" / prompts.packages[1] / f"core-sounds-{prompts.language}.txt.gz"
    folders = sorted((base / "asterisk" / "sounds").glob(f"{prompts.language}_*"))
    if not text_file.is_file() or not folders:
        return []
    found = []
    for line in gzip.decompress(text_file.read_bytes()).decode("utf-8-sig").splitlines():
        name, _, text = line.partition(":")
        clean = re.sub(r"\s+", " ", text).strip(" .\"'")
        path = folders[0] / f"{name.strip()}.wav"
        if not line.startswith(";") and clean.count(" ") >= 4 and not re.search(r"[\[(<{]", clean) and path.is_file():
            found.append(Utterance(path, clean))
    return sorted(found, key=lambda each: (len(each.text), each.path.name))


def _private_lists(cache: Path) -> list[str]:
    state = cache / "apt"
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    settings = {
        "Dir::State": state / "state", "Dir::State::status": "/var/lib/dpkg/status", "Dir::Cache": state / "cache",
        "Debug::NoLocking": "true", "APT::Sandbox::User": "",
    }  # fmt: skip
    return [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {type(error).__name__}"
    if done.returncode == 0:
        return ""
    return f"{command[0]}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}"
