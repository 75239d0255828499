"""`bus bundle`: a release as one signed archive; made here, verified and loaded on the customer's side."""

from pathlib import Path
from typing import Annotated

import typer

from bus.bundle import archive, making
from bus.bundle.archive import BadBundle
from bus.bundle.expected import Expected
from bus.cli import stack as stacks
from bus.cli.engine import ConfigFile, StackName, project
from bus.cli.registry import CaFiles, Insecure, Mirror, TokenHosts, named
from bus.images.registry import trust
from bus.images.registry.registries import Access

bundle = typer.Typer(
    help="Make, verify and load a release as one signed archive, for a customer behind an air gap.",
    no_args_is_help=True,
    add_completion=False,
)
PublicKey = Annotated[Path | None, typer.Option(help="PEM of the key that the bundle must be signed with")]
Unsigned = Annotated[
    bool, typer.Option("--unsigned", help="accept a bundle that anybody may have made, instead of --public-key")
]
Customer = Annotated[str, typer.Option(help="customer that the bundle must be for")]
ForStack = Annotated[str, typer.Option("--stack", help="stack that the bundle must be for")]
File = Annotated[Path, typer.Argument(help="the bundle")]


@bundle.command("make")
def make(
    file: File,
    stack: StackName,
    config_file: ConfigFile = None,
    sign_key: Annotated[Path | None, typer.Option(help="private key (PEM, RSA or EC) to sign it with")] = None,
    against: Annotated[Path | None, typer.Option(help="an earlier bundle whose blobs are left out")] = None,
    against_key: Annotated[
        Path | None, typer.Option(help="public key of the earlier bundle; default: the public half of --sign-key")
    ] = None,
    serial: Annotated[
        int | None, typer.Option(help="number that grows with each bundle; default: the current time in seconds", min=0)
    ] = None,
    mirror: Mirror = "",
    insecure: Insecure = False,
    token_host: TokenHosts = None,
    ca_file: CaFiles = None,
) -> None:
    """Write the images, rendered manifests, and scripts for topics and indices of a stack into one archive."""
    root = project()
    plan = stacks.load(root, stack, config_file).plan
    running = stacks.pins(root, plan)
    known = trust.together(trust.read(plan.settings.stack_file.images, root), named(token_host, ca_file))
    access = Access(mirror, insecure, trust=known)
    made = making.make(root, plan, file, access, sign_key, against, running, serial, against_key)
    size = f"{file.stat().st_size / 1e6:.1f} MB"
    signed = f"signed, key {archive.fingerprint(sign_key, private=True)}" if sign_key else "NOT SIGNED: --sign-key FILE"
    print(f"{file}: {len(made.images)} images for {made.registry}, {size}, serial {made.serial}, {signed}")


@bundle.command("verify")
def verify(
    file: File, public_key: PublicKey = None, unsigned: Unsigned = False, customer: Customer = "", stack: ForStack = ""
) -> None:
    """Check the signature of a bundle, its checksums, and its customer and stack. Unpack nothing."""
    found = making.verify(file, _expected(public_key, unsigned, customer, stack))
    what = f"{found.customer}, stack {found.stack}, serial {found.serial} of {found.made}, {len(found.images)} images"
    print(f"{file}: {what}: as it was made{_signer(public_key)}")


@bundle.command("load")
def load(
    file: File,
    public_key: PublicKey = None,
    unsigned: Unsigned = False,
    customer: Customer = "",
    stack: ForStack = "",
    allow_older: Annotated[
        bool, typer.Option("--allow-older", help="accept a bundle that is older than the last loaded one")
    ] = False,
    mirror: Mirror = "",
    insecure: Insecure = False,
    token_host: TokenHosts = None,
    ca_file: CaFiles = None,
) -> None:
    """Verify a bundle and copy its images, digests unchanged, to the registry that its manifests name."""
    expected = _expected(public_key, unsigned, customer, stack, allow_older)
    access = Access(mirror, insecure, trust=named(token_host, ca_file))
    found, moved = making.load(file, access, expected)
    print(
        f"{found.registry} has {len(found.images)} images of {found.customer}, stack {found.stack}, serial "
        f"{found.serial}{_signer(public_key)}; {moved.blobs} blobs, {moved.size_bytes / 1e6:.1f} MB moved"
    )


def _expected(
    public_key: Path | None, unsigned: bool, customer: str, stack: str, allow_older: bool = False
) -> Expected:
    """What the options say; raises BadBundle where they say nothing of the maker, or two things."""
    if public_key and unsigned:
        raise BadBundle("--public-key and --unsigned contradict each other: give one of them")
    if not public_key and not unsigned:
        raise BadBundle(
            "who made the bundle has to be checked: --public-key FILE names the key that signed it (ask its maker for "
            "it, by another way than the bundle came); --unsigned takes one that anybody may have made"
        )
    if unsigned:
        print("WARNING: --unsigned: anybody may have made this bundle, and its images will run with all their rights")
    return Expected(public_key, customer, stack, allow_older)


def _signer(public_key: Path | None) -> str:
    return f", signed by key {archive.fingerprint(public_key)}" if public_key else ", BY NOBODY KNOWN"
