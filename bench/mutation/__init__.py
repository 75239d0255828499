"""Whether the tests fail when the code is wrong: small changes to what decides, each judged by its pure tests.

`places` says what can be changed in a module, `selection` which tests look at it, `judging` runs them on a changed
copy, and `__main__` samples by seed and reports. ADR 0092 says why no package does this.
"""
