"""The note on a merge request: what a deployment would do, for a reviewer who sees nothing else.

`sets` and `steps` turn the engine's steps into lines, `diagnostics` its warnings. `folding` makes one line of the same
line at many sites. `note` puts all of it together with the objects of each release. `markdown` writes text of others so
that it stays text: names of objects, fields, topics and images come from whoever opens the merge request.
"""
