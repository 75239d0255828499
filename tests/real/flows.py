"""Records that cross the mirror of the sandbox, one each way, and arrive in an index."""

import uuid

from tests.real.sandbox import Site, eventually, keys_seen

CENTRAL, CINECITY = Site("hicksoncentral-local"), Site("hicksoncinecity-local")


def film_crosses() -> None:
    """Write a film on central, and see it read and indexed on cinecity."""
    key = f"film-{uuid.uuid4().hex[:8]}"
    CENTRAL.produce("cineges-central-api", "cineges.film.data", key, {"title": "Playtime", "code": key})
    eventually(lambda: key in keys_seen(CINECITY, "cineges-complexe-jobs", "cineges.film.data"))
    document = eventually(lambda: CINECITY.get("es", f"films/_doc/{key}", 9200))
    assert document["_source"]["title"] == "Playtime"
    assert eventually(lambda: CENTRAL.get("es", f"films/_doc/{key}", 9200))["_source"]["code"] == key


def sale_comes_back() -> None:
    """Write a sale on cinecity, and see it read and indexed on central."""
    key = f"vente-{uuid.uuid4().hex[:8]}"
    CINECITY.produce("cineges-caisse-api", "cineges.vente.save", key, {"film": "Playtime", "quantity": 2})
    eventually(lambda: key in keys_seen(CENTRAL, "cineges-central-jobs", "cineges.vente.save"))
    assert eventually(lambda: CENTRAL.get("es", f"ventes/_doc/{key}", 9200))["_source"]["quantity"] == 2
