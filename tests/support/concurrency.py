"""How much of some work runs at the same time."""

import threading

# How long a test waits for what has to run at the same time; only a failure waits that long.
SECONDS = 20


class Gauge:
    """The most that ran at the same time."""

    def __init__(self) -> None:
        self._lock, self._now, self.most = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._now -= 1


class Meeting:
    """Work that goes on once `size` calls run at the same time; raises AssertionError where they never do."""

    def __init__(self, size: int) -> None:
        self._size, self._lock, self._here, self._complete = size, threading.Lock(), 0, threading.Event()

    def wait(self) -> None:
        with self._lock:
            self._here += 1
            if self._here >= self._size:
                self._complete.set()
        complete = self._complete.wait(SECONDS)
        with self._lock:
            self._here -= 1
        assert complete, f"{self._size} calls never ran at the same time"
