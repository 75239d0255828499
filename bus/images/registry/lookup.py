"""Asking registries which digest each of many images has: in parallel, every answer, nothing raised."""

import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from bus.image_reference import parse
from bus.images.registry.client import MissingImage, NoAnswer, RegistryError, Unreadable
from bus.images.registry.credentials import BadCredentials
from bus.images.registry.registries import Registries

_AT_ONCE = 8


@dataclass
class Found:
    """Of each image: its digest; or that its registry lacks it; or why nobody can say."""

    digests: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """a registry that answers, and not with the image"""
    silent: dict[str, str] = field(default_factory=dict)
    """a registry that does not answer"""
    unreadable: dict[str, str] = field(default_factory=dict)
    """a registry that fails over this image alone, as a full disk leaves it"""

    @property
    def unknown(self) -> dict[str, str]:
        """Of each image of which nobody can say whether it is there: why."""
        return {**self.silent, **self.unreadable, **self.refused}


def look_up(images: Iterable[str], registries: Registries) -> Found:
    """The digests of `images`, each as its reference is written."""
    wanted, found = sorted(set(images)), Found()
    first: dict[str, Future[None]] = {}
    """registry -> its first answer; one that is silent is asked once, since waiting for it takes long"""
    lock = threading.Lock()

    def digest(image: str) -> str:
        place = registries.place(parse(image))
        with lock:
            known = first.get(place.registry.host)
            mine = first.setdefault(place.registry.host, Future())
        if known:
            known.result()
        try:
            answer = place.registry.digest(place.name, place.version)
        except Unreadable:
            raise
        except NoAnswer as error:
            if not known:
                mine.set_exception(error)
            raise
        finally:
            if not known and not mine.done():
                mine.set_result(None)
        return answer

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        asked = {image: pool.submit(digest, image) for image in wanted}
    for image, answer in asked.items():
        try:
            found.digests[image] = answer.result()
        except MissingImage:
            found.missing.append(image)
        except Unreadable as error:
            found.unreadable[image] = str(error)
        except NoAnswer as error:
            found.silent[image] = str(error)
        except (RegistryError, BadCredentials, ValueError) as error:
            found.refused[image] = str(error)
    return found
