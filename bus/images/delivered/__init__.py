"""Which images a stack needs, and the proof that a delivery brings them all.

`listing` takes them from values, `rendered` from manifests, `proof` compares both before anything is
delivered; `running` adds what another stack runs.
"""
