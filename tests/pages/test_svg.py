"""What comes out of a drawing, whatever went in."""

import pytest

from affidavit.pages.svg import inner, paint

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">{}</svg>'


def test_shapes_places_and_paints_stay_and_everything_else_goes():
    shape = '<path id="a" class="b" style="fill:red" aria-label="secret" onclick="x()" d="M0,0h1" fill="var(--line)"/>'
    assert inner(SVG.format(f'<g class="c"><g transform="translate(2,3)">{shape}</g></g>')) == (
        '<g transform="translate(2,3)"><path d="M0,0h1" fill="var(--line)" /></g>'
    )


REFUSED = """<script>x()</script>
<a xlink:href="http://elsewhere.invalid/"/>
<image href="data:x"/>
<style>*{}</style>
<foreignObject/>
<use href="#x"/>
<defs/>"""


@pytest.mark.parametrize("element", REFUSED.splitlines())
def test_an_element_that_is_no_shape_is_refused(element: str):
    with pytest.raises(ValueError, match="a chart has no <"):
        inner(SVG.format(f"<g>{element}</g>"))


@pytest.mark.parametrize("colour", ["#000000", "red", "url(http://elsewhere.invalid/)", "var(--a, url(x))"])
@pytest.mark.parametrize("key", ["fill", "stroke"])
def test_a_colour_that_is_not_the_styles_is_refused(key: str, colour: str):
    with pytest.raises(ValueError, match="colours of the style"):
        inner(SVG.format(f'<path d="M0,0" {key}="{colour}"/>'))


def test_the_sheet_of_paper_and_frames_are_not_drawn():
    sheet = '<rect width="9" height="9" fill="white"/>'
    frame = '<path class="background" d="M0,0h9" stroke="#ddd"/><path class="foreground" d="" display="none"/>'
    assert inner(SVG.format(f"{sheet}<g>{frame}</g>")) == ""


def test_numbers_have_two_decimals_so_that_the_last_bit_of_a_float_does_not_show():
    assert inner(SVG.format('<path d="M199.99999999999994,5.551e-14L-0.004,1.5"/>')) == '<path d="M200,0L0,1.5" />'


def test_text_stays_text():
    text = inner(SVG.format('<text font-family="Elsewhere" font-size="13px">&lt;b&gt; &amp; "</text>'))
    assert text == '<text font-size="13px">&lt;b&gt; &amp; "</text>'


def test_paint_is_a_colour_of_the_style():
    assert inner(SVG.format(f'<path fill="{paint("page-ink")}"/>')) == '<path fill="var(--page-ink)" />'
