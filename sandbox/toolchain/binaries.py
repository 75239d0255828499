"""The binaries of this toolchain: module, package and flags of each. A change here or in a module compiles afresh."""

from collections.abc import Mapping
from dataclasses import dataclass, field

KUBERNETES = "1.37.2"
PROVIDER = "4.29.0"
_SDK = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_KUBE_FLAGS = " ".join(
    f"-X {package}.{name}={value}"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    for name, value in (
        ("gitVersion", f"v{KUBERNETES}"),
        ("gitMajor", "1"),
        ("gitMinor", "37"),
        ("gitTreeState", "clean"),
        ("gitCommit", "module-proxy"),
        ("buildDate", "1970-01-01T00:00:00Z"),
    )
)
_CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
_KUBE_NAMES = (*_CONTROL_PLANE, "kube-proxy", "kubelet", "kubectl", "kwok")


@dataclass(frozen=True)
class Tool:
    """One binary built from a module of toolchain/; `minutes` is a cold build's on 2 cores."""

    name: str
    module: str
    package: str
    minutes: int
    ldflags: str = ""
    flags: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    probe: tuple[str, ...] = ()
    """arguments that print the version of a tool which may be on PATH already"""
    fits: str = ""
    """what that version must match"""


TOOLS = (
    Tool("coredns", "coredns", ".", 2, env={"CGO_ENABLED": "0"}),
    Tool("kube", "kube", ".", 12, _KUBE_FLAGS, links=_KUBE_NAMES, env={"CGO_ENABLED": "0"}),
    Tool(
        "helm",
        "kubernetes-provider",
        "helm.sh/helm/v3/cmd/helm",
        2,
        "-X helm.sh/helm/v3/internal/version.version=v3.20.2",
        probe=("version", "--short"),
        fits=r"^v3\.(1[4-9]|[2-9]\d)\.",
    ),
    Tool(
        "pulumi",
        "pulumi",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        6,
        f"-X {_SDK}=v3.259.0",
        probe=("version",),
        fits=r"^v3\.(259|2[6-9]\d|[3-9]\d\d)\.",
    ),
    Tool(
        "pulumi-language-python",
        "pulumi-language-python",
        "github.com/pulumi/pulumi/sdk/python/cmd/pulumi-language-python/v3",
        2,
        f"-X {_SDK}=v3.187.0",
    ),
    Tool(
        "pulumi-resource-kubernetes",
        "kubernetes-provider",
        ".",
        11,
        f"-X github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version={PROVIDER}",
        # Not optimising the generated SDK, which the provider hardly calls, saves half of the build.
        flags=("-gcflags=github.com/pulumi/pulumi-kubernetes/sdk/v4/...=-N -l",),
    ),
)
