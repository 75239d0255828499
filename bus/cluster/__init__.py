"""A site's Kubernetes cluster, and the servers in it as the runner reaches them.

`access` has the types (who asks, where), without a client of anything. `kube` asks the API server,
with the keys that `credentials` holds in memory. `endpoints` gives each site's Kafka and
Elasticsearch: a port-forward, or the address that a stack file names. `reachable` asks all clusters
of a stack before anything is touched.
"""
