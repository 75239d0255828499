"""What comments of the charts promise, held against what is rendered by default."""

from pathlib import Path

import pytest
import yaml

CHARTS = Path(__file__).parents[2] / "charts"
WITH_POLICY = [
    path for path in sorted(CHARTS.glob("*/values.yaml")) if "networkPolicy" in (yaml.safe_load(path.read_text()) or {})
]


@pytest.mark.parametrize("file", WITH_POLICY, ids=lambda path: path.parent.name)
def test_no_comment_counts_on_a_network_policy_that_is_off(file: Path) -> None:
    text = file.read_text()
    assert yaml.safe_load(text)["networkPolicy"]["enabled"] is False
    block = text.index("networkPolicy:\n")
    assert "with enabled: true" in text[block : text.index("  enabled:", block)]
    said = [line for line in text[:block].splitlines() if line.startswith("#") and "networkPolicy" in line]
    assert not [line for line in said if "off by default" not in line]


def test_elsewhere_no_chart_says_what_a_mirror_never_did() -> None:
    templates = [*CHARTS.glob("*/templates/*"), *CHARTS.glob("*/values.yaml")]
    assert not [path for path in templates if "ends by itself" in path.read_text()]
