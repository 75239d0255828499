"""From charts and values to manifests.

`charts` stages a chart with its sub-charts. `values` resolves the layers over the chart's defaults,
`schema` asks the chart's own schema, and `exact` refuses what Helm would not keep as written.
`rendering` calls Helm; `guard` refuses objects that a release must not make.
"""
