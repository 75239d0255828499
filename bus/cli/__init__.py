"""The `bus` command: one module per verb; everything it decides is decided elsewhere in bus/."""
