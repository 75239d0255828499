"""Images move from one environment to the next.

`records` and `deployed` say what each site of an environment runs, `plan` decides what moves, `pins`
and `branch` read and write the image blocks of values/<brick>.yml.
"""
