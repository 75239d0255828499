"""Kafka topics, from the fragments of the bricks to the brokers.

`model` is what fragments say, `plan` decides what a change does; `config_types`, `configs` and
`spelling` decide when two configs are the same, `granting` who may use a topic. `reading` and
`existence` ask brokers through `connecting`; `admin` applies a plan (`applying`), with
`reassignment` and `placement` where replicas move. `holdings` says what is lost before a deletion.
`mirror_patterns` are the topics that MirrorMaker copies.
"""
