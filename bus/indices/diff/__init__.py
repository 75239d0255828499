"""Live against wanted, without a server.

`plan` is the entry. `differences` lists every difference, each with its kind (`change_kinds`: in
place, reindex, impossible). `equality`, `normal_form`, `dotted_fields`, `settings` and `vectors`
decide when two spellings are the same. `drift` and `to_fragment` write a live index in the words of
its fragment; `generations` names the indices behind an alias.
"""
