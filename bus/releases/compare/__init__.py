"""What a deployment would change, and what was changed by hand.

`previews` goes over all releases of a stack, `preview` over one: `dryrun` asks the API server (with
what `patches` sends), `refusals` reads its answers, `changes` compares manifests field by field.
`drift` compares live objects with what was deployed; `remedies` says how to get back.
"""
