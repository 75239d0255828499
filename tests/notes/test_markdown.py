"""Names and values of whoever opens a merge request never become markup, mentions or commands of its note."""

import re
import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bus.notes.folding import Line
from bus.notes.markdown import code, fence, visible
from bus.notes.note import Preview, markdown, text
from bus.notes.sets import SETS
from bus.notes.steps import lines
from bus.releases.compare.changes import FieldChange, ObjectChange
from bus.releases.compare.preview import ReleasePreview
from bus.releases.compare.refusals import Refusal, Unjudged, Verdicts

MARK = "hOsTiLe"
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = st.lists(
    st.sampled_from(
        [
            *("\n", "\r", "\r\n", "\u2028", "\u0085", "\x00", "\x1b[2J", "\u202e", "\t", " ", "    "),
            *("`", "``", "```", "`````", "~~~", "|", "\\", "\\|", "\\`", "*", "_", "#", ">", ">>>", "- ", "1. ", "---"),
            *(
                "/approve",
                "\n/merge",
                "\n\n/close\n",
                "@all",
                "@root",
                "#1",
                "!1",
                "&1",
                "%1",
                "$1",
                "~bug",
                "[x](y)",
                "![x](y)",
            ),
            *(
                "<!--",
                "-->",
                "<script>",
                "</details>",
                "</code></summary>",
                "<img src=x>",
                "&lt;",
                "https://x.y",
                "$`x`$",
                "{{x}}",
            ),
            *("{%reset%}", "[[_TOC_]]", ":boom:", "é", "a", MARK),
        ]
    ),
    max_size=12,
).map(lambda parts: MARK + "".join(parts) + MARK)


def tokens(note: str) -> list[Token]:
    return [inner for token in PARSER.parse(note) for inner in [token, *(token.children or [])]]


def assert_contained(note: str) -> None:
    """Hostile text is in code only, and no line is a command, whatever is before its slash."""
    for token in tokens(note):
        if token.type in ("code_inline", "fence") or not token.content or token.type == "inline":
            continue
        outside = token.content
        if token.type == "html_block":
            assert re.fullmatch(r"(<details><summary><code>[^<>\n]*</code></summary>|</details>)\n?", outside), outside
            outside = re.sub(r"<code>[^<>]*</code>", "", outside)
        assert MARK not in outside, (token.type, outside)
        assert "@" not in outside and "#" not in outside
    assert not {token.type for token in tokens(note)} & {"code_block", "image", "hr", "heading_open", "blockquote_open"}
    for line in re.split(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", note):
        assert not line.lstrip(" \t>*+-0123456789.").startswith("/"), line
    assert not [one for one in note if one != "\n" and unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp")]


@given(HOSTILE, st.integers(1, 400))
@example("`", 300)
@example("\\", 300)
@example(" ` ", 300)
def test_a_span_is_one_span_with_the_text_as_it_is(hostile: str, longest: int) -> None:
    children = [one for one in tokens(f"- {code(hostile, longest)}") if one.type not in ("inline",)]
    (span,) = [one for one in children if one.content]
    assert span.type == "code_inline"
    # A reader sees what is there: spaces and backslashes too.
    assert span.content == visible(hostile, longest)


@given(st.lists(HOSTILE, max_size=5))
def test_a_fenced_block_ends_where_it_should(hostile: list[str]) -> None:
    found = PARSER.parse("\n".join([*fence(hostile, "diff"), "", "after"]))
    assert [one.type for one in found] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert len(found[0].content.splitlines()) == len(hostile)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_hostile_name_leaves_its_place_in_a_note(data: st.DataObject) -> None:
    def name() -> str:
        return str(data.draw(HOSTILE))

    image = FieldChange(f"{name()}.image", name(), name())
    objects = [
        ObjectChange(name(), "changed", (image, FieldChange(name(), name(), None))),
        ObjectChange(name(), "added"),
    ]
    verdicts = Verdicts([Refusal(name(), name(), name())], [Unjudged(name(), name())])
    releases = [ReleasePreview(name(), name(), True, objects, refused=name(), verdicts=verdicts)]
    steps = []
    for kind, blocks in SETS.items():
        old = {block: {name(): {name(): name()}} for block in blocks}
        new = {block: {name(): {name(): 1}, **{key: {name(): 2} for key in old[block]}} for block in blocks}
        old_state, new_state = ({"type": kind, "inputs": {**one, name(): name()}} for one in (old, new))
        urn = f"urn:pulumi:prod::bus::{kind}::central-x"
        steps.append({"op": "update", "urn": urn, "oldState": old_state, "newState": new_state})
    metadata = {"metadata": {"name": name()}, name(): {name(): name()}}
    other = {"type": f"x:{name()}", "inputs": metadata}
    steps.append({"op": name(), "urn": f"urn:pulumi:prod::bus::x::{name()}", "newState": other})
    steps.append({"op": "update", "urn": f"urn::a::b::c::{name()}", "newState": other, "diffReasons": [name()]})
    steps.append({"op": "replace", "urn": f"urn::a::b::c::{name()}x", "newState": other, "replaceReasons": [name()]})
    sets, others = lines(steps, ["central"], set(), [name()])
    preview = Preview(
        name(),
        name(),
        name(),
        ["central"],
        releases,
        [name(), name()],
        [name()],
        sets,
        [*others, Line(name(), name())],
        9,
    )
    assert_contained(markdown(preview))
    assert_contained(markdown(preview, limit=2000))
    shown = text(preview)
    assert not [one for one in shown if one != "\n" and unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp")]


def test_the_note_that_approved_itself() -> None:
    field = FieldChange("metadata.annotations.x\n```\n\n/approve\n/merge\n", "a", "b")
    note = markdown(
        Preview("prod", releases=[ReleasePreview("central", "r", False, [ObjectChange("A/b", "changed", (field,))])])
    )
    assert "/approve" in note and "/approve" not in [line.strip() for line in note.splitlines()]
    assert [one.type for one in PARSER.parse(note)].count("fence") == 1
    assert_contained(note)


def test_only_an_address_is_a_link() -> None:
    for address in ("javascript:alert(1)", "https://x/>\n/approve", "https://x/ y", "<b>", "https://x/`"):
        assert "[job]" not in markdown(Preview("prod", pipeline=address))
    assert "[job](<https://gitlab/x/-/jobs/1>)" in markdown(Preview("prod", pipeline="https://gitlab/x/-/jobs/1"))
