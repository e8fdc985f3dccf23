import colorsys
import re

import pytest

from affidavit.pages.render import assets
from affidavit.pages.words import slug
from affidavit.rules.verdict import Status

CSS = assets()["site.css"].decode()
COLOURS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", CSS)
}
# Each ink, and the fills it is read on.
READ_ON = {
    **{name: [name.replace("-ink", "-fill")] for name in COLOURS if name.endswith("-ink")},
    "page-ink": ["page-fill", "panel-fill"],
    "quiet-ink": ["page-fill", "panel-fill"],
    "link-ink": ["page-fill", "panel-fill"],
}


def channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_itself():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "fill"), [(i, f) for i, fills in READ_ON.items() for f in fills])
def test_text_meets_wcag_aa(ink: str, fill: str, theme: str):
    assert contrast(COLOURS[ink][theme], COLOURS[fill][theme]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("fill", ["page-fill", "panel-fill"])
def test_the_focus_ring_stands_out(fill: str, theme: str):
    assert contrast(COLOURS["focus"][theme], COLOURS[fill][theme]) >= 3


def test_every_colour_is_used_and_none_stands_outside_the_pairs():
    assert {name for name in COLOURS if f"var(--{name})" not in CSS} == set()
    assert re.findall(r"#\w{3,8}\b", CSS.split("color-scheme: light; }")[1]) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_only_supported_is_green(theme: str):
    def green(name: str) -> bool:
        hue, saturation, _ = colorsys.rgb_to_hsv(*channels(COLOURS[name][theme]))
        return 75 < hue * 360 < 170 and saturation > 0.08

    assert {name for name in COLOURS if green(name)} == {"supported-fill", "supported-ink"}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_missing_stale_and_undetermined_stand_out_as_much_as_failing(theme: str):
    page = COLOURS["page-fill"][theme]
    for status in ("failing", "missing", "stale", "undetermined"):
        assert contrast(COLOURS[f"{status}-fill"][theme], page) >= 4.5


def test_a_theme_can_be_chosen_against_the_system():
    assert ':root[data-theme="dark"] { color-scheme: dark; }' in CSS
    assert ':root[data-theme="light"] { color-scheme: light; }' in CSS


@pytest.mark.parametrize("file", ["site.css", "site.js"])
def test_nothing_is_fetched(file: str):
    text = assets()[file].decode()
    assert not re.search(
        r"https?:|//[a-z]|url\(|@import|fetch|XMLHttp|eval|innerHTML|import\(", text.replace("// ", "")
    )


@pytest.mark.parametrize("status", [s for s in Status if s not in (Status.NOT_YET_DUE, Status.NOT_APPLICABLE)])
def test_a_status_has_colours_of_its_own(status: Status):
    assert f".badge.{slug(status)} {{" in CSS
