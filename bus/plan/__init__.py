"""Settings, bricks and charts into one Deployment, or one refusal with every problem.

`build` is the entry: it loads, builds the releases of each site, has them checked by `validation`
and `environment`, and refuses or returns a bus.deployment.Deployment. `derived_values` are the chart
values that follow from settings. `deletion_policy` decides when something that holds data may be
deleted; `confirmations` judges what `bus:confirmDelete` names.
"""
