"""Every place where a secret of the sandbox could stand in clear."""

import gzip
import json
import os
from base64 import b64decode
from pathlib import Path

from tests.real.sandbox import kubectl, need


def backend_files() -> dict[str, str]:
    """Every file that the state backend and `make up` keep: checkpoints, history, backups, stack file, logs."""
    state = Path(need("PULUMI_BACKEND_URL").removeprefix("file://").partition("?")[0])
    folders = (state, Path(need("BUS_CACHE")) / "logs")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if path.name == "local.json"], "no checkpoint found"
    return {str(path): path.read_text(errors="replace") for path in [*files, Path(os.environ["BUS_CONFIG_FILE"])]}


def helm_records() -> str:
    """What Helm keeps of every release, unpacked."""
    records = json.loads(kubectl("get", "secrets", "-A", "-l", "owner=helm", "-o", "json"))["items"]
    assert len(records) >= 7
    return "\n".join(gzip.decompress(b64decode(b64decode(r["data"]["release"]))).decode() for r in records)
