"""A line between a client and a server that keeps what the client says."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def recorded(target: str) -> Iterator[tuple[str, list[bytes]]]:
    """An address that leads to `target`, and what was sent there so far."""
    host, _, port = target.rpartition(":")
    said: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, (host, int(port)), said), daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", said


def _serve(listener: socket.socket, target: tuple[str, int], said: list[bytes]) -> None:
    with suppress(OSError):
        while True:
            client = listener.accept()[0]
            server = socket.create_connection(target)
            threading.Thread(target=_carry, args=(client, server, said), daemon=True).start()
            threading.Thread(target=_carry, args=(server, client, []), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket, said: list[bytes]) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            said.append(data)
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
