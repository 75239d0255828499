"""The configuration that the chart gives to both instances of a hosted registry, under the real docker-registry."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
import yaml

from bus.config import hosted_registry
from bus.images.registry.client import Registry, RegistryError
from bus.images.registry.login import Login
from bus.releases.render import charts
from tests.support.processes import free_port, running
from tests.support.registry import HTPASSWD, PASSWORD, PULL_HTPASSWD, PULL_PASSWORD, PULL_USER, USER, Maker

pytestmark = [pytest.mark.servers, pytest.mark.helm]
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def instances(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Where nodes pull, and where images are pushed: two processes over one folder."""
    folder = tmp_path_factory.mktemp("roles")
    staged = charts.stage(ROOT / "charts", hosted_registry.BRICK, folder)
    values = {"htpasswdSecret": hosted_registry.SECRET, "push": {"enabled": True}}
    done = subprocess.run(
        ["helm", "template", "x", str(staged), "-f", "-"],
        input=yaml.safe_dump(values), capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    (config,) = (one for one in yaml.safe_load_all(done.stdout) if one and one["kind"] == "ConfigMap")
    for key, text in hosted_registry.split(HTPASSWD + PULL_HTPASSWD, USER).items():
        (folder / key).write_text(text)
    hosts = []
    with ExitStack() as stack:
        for name, content in sorted(config["data"].items()):
            host = f"127.0.0.1:{free_port()}"
            text = content.replace("/etc/registry-auth", str(folder)).replace("/data", str(folder / "data"))
            for port in (":8080", ":8081"):
                text = text.replace(f'"{port}"', f'"{host}"')
            (folder / name).write_text(text)

            def ready(host: str = host) -> bool:
                try:
                    return httpx.get(f"http://{host}/").status_code == 200
                except httpx.HTTPError:
                    return False

            stack.enter_context(running(["docker-registry", "serve", folder / name], ready, folder / f"{name}.log"))
            hosts.append(host)
        yield hosts[0], hosts[1]


def client(stack: ExitStack, host: str, login: Login) -> Registry:
    return stack.enter_context(closing(Registry(host, insecure=True, login=login)))


def test_what_is_pushed_at_one_address_is_pulled_at_the_other_and_nobody_pushes_there(
    instances: tuple[str, str],
) -> None:
    pulls, pushes = instances
    pusher, node = Login(USER, PASSWORD), Login(PULL_USER, PULL_PASSWORD)
    with ExitStack() as stack:
        maker = Maker(client(stack, pushes, pusher))
        made = maker.image("a/b", "1", [maker.blob("a/b", 1000, "x")])
        reading = client(stack, pulls, node)
        assert reading.manifest("a/b", "1").content == made.content
        layer = made.described["layers"][0]["digest"]
        assert len(b"".join(reading.blob("a/b", layer))) == 1000
        newer = maker.image("a/b", "1", [maker.blob("a/b", 1000, "y")])
        assert reading.digest("a/b", "1") == newer.digest, "a tag that moved is seen at once"
        for host, login, message in (
            (pulls, node, "405"),
            (pulls, pusher, "access refused"),
            (pushes, node, "access refused"),
            (pushes, Login(), "access refused"),
        ):
            other = Maker(client(stack, host, login))
            with pytest.raises(RegistryError, match=message):
                other.blob("a/b", 10, "z")
            with pytest.raises(RegistryError, match=message):
                other.client.put_manifest("a/b", "1", made)
        for host, login in ((pulls, node), (pulls, pusher), (pushes, pusher), (pushes, node)):
            auth = httpx.BasicAuth(login.username, login.password)
            url = f"http://{host}/v2/a/b/manifests/{made.digest}"
            assert httpx.delete(url, auth=auth).status_code in (401, 405), "nobody deletes"
        assert reading.digest("a/b", "1") == newer.digest
