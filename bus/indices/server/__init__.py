"""Talking to one Elasticsearch server, whichever version it has.

`connect` asks the version and gives the client that fits, through `transport`, which speaks each
server's dialect. `versions` says what bus does on which version, `errors` what a refusal means,
`matching_templates` what a new index gets from the server's templates.
"""
