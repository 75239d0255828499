"""The client of container registries (OCI distribution API).

`client` is one registry: its calls, through a `session` (who gets the login, which redirects are
followed) that reads `answers`. `login`, `credentials` and `trust` decide which password goes to
which host; `private` where plain HTTP may go. `registries` opens all registries of a task, `lookup`
asks many digests side by side.
"""
