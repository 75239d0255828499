"""`python -m bus`: the same as the `bus` command, where the package is not installed."""

from bus.cli.app import main

main()
