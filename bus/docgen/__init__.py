"""Pages and JSON schemas that are generated from the types, so that they cannot differ from them.

`reference` writes docs/configuration.md and the schemas of stack and brick files, `indices` and
`topics` their parts; `markers` finds the generated part of a page. A test compares each with what
its generator would write.
"""
