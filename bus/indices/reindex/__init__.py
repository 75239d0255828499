"""An index into its next generation, in a way that survives a kill at any moment.

`runner` loops: observe, ask `steps` what comes next, do that one step. `lock` keeps two runs apart
by an alias on the generation, `checkpoint` is the note in its `_meta` from which the next run goes
on. `target` creates the generation, `copy` fills it (pairs of `documents`), `deletions` and `sweep`
take out what was deleted meanwhile, `cutover` switches the alias, `rollback` switches it back.
`estimate` refuses a copy that cannot fit; `resolve` tells which index is behind a name.
"""
