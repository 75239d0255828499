"""The Python packages of the lock, in a venv of the cache that the checkout points to."""

import shutil
import sys
from pathlib import Path

from sandbox import places
from sandbox.steps import logged


def python() -> Path:
    """The venv's Python."""
    return places.venv() / "bin/python"


def ready() -> bool:
    """Whether the venv of this lock is whole and the checkout points to it."""
    link = places.ROOT / ".venv"
    return (places.venv() / ".complete").exists() and link.is_symlink() and link.resolve() == places.venv().resolve()


def make() -> None:
    """Python packages at the lock's hashes."""
    folder = places.venv()
    if not (folder / ".complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        logged("venv", [sys.executable, "-m", "venv", folder])
        lock = places.ROOT / "requirements.lock"
        logged(
            "venv", [folder / "bin/pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", lock]
        )
        (folder / ".complete").touch()
    work = places.ROOT / ".venv.tmp"
    work.unlink(missing_ok=True)
    work.symlink_to(folder)
    work.replace(places.ROOT / ".venv")
