"""Signatures of cosign.

`cosign` verifies one with public keys; `verifying` asks registries for those of many images.
"""
