"""What stands behind the names that bricks use: an alias's index, or an index itself."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from bus.indices.diff.generations import base_name
from bus.indices.diff.normal_form import Json
from bus.indices.diff.plan import LiveIndex
from bus.indices.diff.settings import flatten
from bus.indices.reindex.checkpoint import note, pending


def behind(names: Collection[str], contents: Mapping[str, Any]) -> tuple[dict[str, LiveIndex], dict[str, str]]:
    """name -> the index behind it, for those of `names` that exist; and name -> why none can be told.

    `contents` are mappings, settings and aliases of everything behind the names, and of all their generations.
    """
    found: dict[str, list[LiveIndex]] = {name: [] for name in names}
    generations: dict[str, dict[str, Json]] = {name: {} for name in names}
    lives = {}
    streams = {str(content.get("data_stream")) for content in contents.values()}
    for physical, content in contents.items():
        live = LiveIndex(
            physical, content.get("mappings", {}), flatten(content["settings"]), content.get("aliases", {})
        )
        lives[physical] = live
        for name in {physical, *live.aliases} & found.keys():
            found[name].append(live)
        base = base_name(physical)
        if base in generations:
            generations[base][physical] = live.mappings
    chosen: dict[str, LiveIndex] = {}
    wrong: dict[str, str] = {}
    for name, all_of_it in found.items():
        if name in streams:
            wrong[name] = "is a data stream, which bus does not manage: give the index another name"
            continue
        writers = all_of_it if len(all_of_it) == 1 else [one for one in all_of_it if _is_writer(name, one)]
        if len(writers) == 1:
            [chosen[name]] = writers
        elif all_of_it:
            wrong[name] = (
                f"stands for {', '.join(sorted(live.name for live in all_of_it))}: give one of them is_write_index, "
                f"or take the alias away from the others"
            )
        elif generations[name]:
            finished = [one for one in generations[name] if (noted := note(lives[one].mappings)) is None
                        or noted.phase == "live"]  # fmt: skip
            if len(generations[name]) == len(finished) == 1:
                chosen[name] = lives[finished[0]]  # its alias was taken away; it is put back as any drift
            else:
                wrong[name] = (
                    f"no index bears the alias {name}, but there are {', '.join(sorted(generations[name]))}: "
                    f"put the alias on the right one (POST /_aliases), or delete them"
                )
    return {
        name: replace(live, generations=tuple(sorted(generations[name])), pending=pending(generations[name]))
        for name, live in chosen.items()
    }, wrong


def _is_writer(name: str, live: LiveIndex) -> bool:
    return bool(live.aliases.get(name, {}).get("is_write_index"))
