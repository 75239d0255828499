"""From charts and values to manifests.

`charts` stages a chart with its sub-charts, `values` merges the layers (by `merge`, as Helm does) and
`schema` asks the chart's own schema. `rendering` calls Helm; `guard` refuses objects that a release
must not make.
"""
