"""A provider process that halts for ever at a moment of a test's choice, so that a kill is certain to come there.

python -m tests.support.halting MODULE:CLASS.METHOD before|after FILE: pulumi's own host for dynamic providers, which
stops where that method is about to be called or has returned, and says so by making FILE.
"""

import importlib
import runpy
import sys
import threading
from pathlib import Path
from typing import Any


def halt_at(moment: str, when: str, said: Path) -> None:
    """Have the method `moment` halt this thread, `when` it is called or has returned; nothing else stops."""
    module, _, path = moment.partition(":")
    owner_name, method = path.split(".")
    owner = getattr(importlib.import_module(module), owner_name)
    real = getattr(owner, method)

    def halting(*args: Any, **named: Any) -> Any:
        if when == "after":
            real(*args, **named)
        said.touch()
        threading.Event().wait()

    setattr(owner, method, halting)


if __name__ == "__main__":
    halt_at(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    sys.argv[1:] = []
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)
