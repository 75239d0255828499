"""Why a release failed.

`unready` judges its objects; `report` tells each with its reason, remedy, last events and log.
"""
