"""Where things are on this machine: one cache, apart from the checkout, keyed by the files that decide its content."""

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("BUS_CACHE", str(Path.home() / ".cache/bus")))
SANDBOX = CACHE / "sandbox"
TOOLCHAIN = ROOT / "sandbox/toolchain"
LOGS = CACHE / "logs"
# CLUSTER=mine: the cluster of the user's own KUBECONFIG, with a state and a stack file of its own.
MINE = os.environ.get("CLUSTER", "") == "mine"
STACK_FOLDER = CACHE / "mine" if MINE else SANDBOX
STATE = STACK_FOLDER / "state"
CONFIG = STACK_FOLDER / "Pulumi.local.yaml"
PASSPHRASE = SANDBOX / "passphrase"
KUBECONFIG = SANDBOX / "kubeconfig"
STACK = "local"


def key(*files: Path) -> str:
    """Twelve digits for the content of files."""
    state = hashlib.sha256()
    for file in files:
        state.update(file.name.encode() + b"\0" + file.read_bytes())
    return state.hexdigest()[:12]


def toolchain_key() -> str:
    """Of every module's lock and sources, and of the flags they are built with."""
    made = {"embed", "__pycache__"}
    return key(*sorted(path for path in TOOLCHAIN.rglob("*") if path.is_file() and not made & set(path.parts)))


def tools() -> Path:
    """The folder of this toolchain's binaries."""
    return CACHE / f"tools-{toolchain_key()}" / "bin"


def venv() -> Path:
    """The folder of this lock's Python packages."""
    return CACHE / f"venv-{key(ROOT / 'requirements.lock')}"


def environment() -> dict[str, str]:
    """What pulumi, kubectl and the tests need."""
    return {
        **os.environ,
        "PATH": f"{ROOT}/bin:{venv()}/bin:{tools()}:{os.environ['PATH']}",
        "KUBECONFIG": os.environ.get("KUBECONFIG", "") if MINE else str(KUBECONFIG),
        # Without it, a kill can leave an empty file beside the state that Pulumi fails on: docs/adr/0036
        "PULUMI_BACKEND_URL": f"file://{STATE}?metadata=skip",
        "PULUMI_HOME": str(CACHE / "pulumi"),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(PASSPHRASE),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "BUS_CONFIG_FILE": str(CONFIG),
        "BUS_CACHE": str(CACHE),
        "KUBE_BIN": str(tools()),
    }
