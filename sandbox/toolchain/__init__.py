"""Go modules that pin the tools, and how they are built."""
