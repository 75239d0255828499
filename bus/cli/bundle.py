"""`bus bundle`: a release as one signed archive; made here, verified and loaded on the customer's side."""

from pathlib import Path
from typing import Annotated

import typer

from bus.bundle import making
from bus.cli import stack as stacks
from bus.cli.engine import ConfigFile, StackName, project
from bus.cli.registry import CaFiles, Insecure, Mirror, TokenHosts, named
from bus.images import trust
from bus.images.registries import Access

bundle = typer.Typer(
    help="A release as one signed archive, for a customer that we do not reach.",
    no_args_is_help=True,
    add_completion=False,
)
PublicKey = Annotated[Path | None, typer.Option(help="PEM of the key that the bundle must be signed with")]
File = Annotated[Path, typer.Argument(help="the bundle")]


@bundle.command("make")
def make(
    file: File,
    stack: StackName,
    config_file: ConfigFile = None,
    sign_key: Annotated[Path | None, typer.Option(help="private key (PEM, RSA or EC) to sign it with")] = None,
    against: Annotated[Path | None, typer.Option(help="an earlier bundle whose blobs are left out")] = None,
    mirror: Mirror = "",
    insecure: Insecure = False,
    token_host: TokenHosts = None,
    ca_file: CaFiles = None,
) -> None:
    """Writes images, rendered manifests, and scripts for topics and indices of a stack with a customer's registry."""
    root = project()
    plan = stacks.load(root, stack, config_file).plan
    running = stacks.pins(root, plan)
    known = trust.together(trust.read(plan.settings.content.images, root), named(token_host, ca_file))
    made = making.make(root, plan, file, Access(mirror, insecure, trust=known), sign_key, against, running)
    signed = "signed" if sign_key else "not signed"
    print(f"{file}: {len(made.images)} images for {made.registry}, {file.stat().st_size / 1e6:.1f} MB, {signed}")


@bundle.command("verify")
def verify(file: File, public_key: PublicKey = None) -> None:
    """Checks every part of a bundle against its sums, and the sums against the signature."""
    found = making.verify(file, public_key)
    print(f"{file}: {found.customer}, stack {found.stack}, {len(found.images)} images: as it was made")
    if not public_key:
        print("  who made it was not checked: --public-key FILE")


@bundle.command("load")
def load(
    file: File,
    public_key: PublicKey = None,
    mirror: Mirror = "",
    insecure: Insecure = False,
    token_host: TokenHosts = None,
    ca_file: CaFiles = None,
) -> None:
    """Verifies a bundle and brings its images, digests unchanged, to the registry that its manifests name."""
    found, moved = making.load(file, Access(mirror, insecure, trust=named(token_host, ca_file)), public_key)
    print(
        f"{found.registry} has {len(found.images)} images; {moved.blobs} blobs, {moved.size_bytes / 1e6:.1f} MB moved"
    )
