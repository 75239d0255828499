"""What runs on a site, compared with what its stack file and images want, before anything is touched.

`live` has the types. `reading` asks the API server for them, `asking` the servers themselves, `images` the registries.
`sizes` (nodes, brokers, mode), `volumes`, `versions` and `addresses` (what brokers advertise to a mirror) decide,
without asking anybody. `comparing` puts them together for a stack. components/preflight.py calls it, at preview and at
`pulumi up`.
"""
