"""What needs no Pulumi: settings, bricks, plans and the clients of Kafka, Elasticsearch and registries."""
