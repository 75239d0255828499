"""A release made ready for its next deployment, whatever a dead run left.

`records` reads Helm's records, `state` names the state that they show, `prepare` does what that
state needs. `statefulsets` deletes pods that an ordered set would never replace; `uninstall`
removes a release for good.
"""
