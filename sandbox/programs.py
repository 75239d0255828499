"""The system programs that the sandbox's node and its images need, from Debian."""

import os
import shutil
import subprocess
from pathlib import Path

from sandbox.steps import fail, logged, say

_PROGRAMS = (
    "containerd",
    "runc",
    "iptables",
    "conntrack",
    "ethtool",
    "docker-registry",
    "debootstrap",
    "mvn",
    "openssl",
)
_PACKAGES = ("containerd", "runc", "containernetworking-plugins", "iptables", "conntrack", "ethtool", "docker-registry",
             "debootstrap", "maven", "openssl", "curl")  # fmt: skip


def ready() -> bool:
    """Whether the system programs that the sandbox runs are installed."""
    return all(shutil.which(name) for name in _PROGRAMS) and Path("/usr/lib/cni/bridge").exists()


def install() -> None:
    """Debian packages; needs root, as the node does."""
    if os.geteuid() != 0:
        fail("the sandbox's node needs root; run as root, or use a cluster of your own: make up CLUSTER=mine")
    if not shutil.which("apt-get"):
        fail(f"no apt-get here: install {', '.join(_PACKAGES)}, then run again; or make up CLUSTER=mine")
    command = ["apt-get", "install", "-y", "--no-install-recommends", *_PACKAGES]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        logged("apt", command, env=env)
    except subprocess.CalledProcessError:
        say("  once more, with fresh package lists")
        logged("apt", ["apt-get", "update"], env=env)
        logged("apt", command, env=env)
