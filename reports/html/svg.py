"""Matplotlib's SVG as part of a page: no id twice, no style that leaks, and colours that follow light and dark mode."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup

_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_DROPPED = {f"{_SVG}metadata", f"{_SVG}style"}
_INHERITED = {"font-family"}
"""Declarations that the page decides on."""
_REFERENCE = re.compile(r"url\(#")
_GREY = re.compile(r"#([0-9a-f]{2})\1\1")


def inline_svg(path: Path, prefix: str, alt: str) -> Markup:
    """The figure in ``path`` as an element for HTML; ``prefix`` makes its ids its own, ``alt`` says what it shows.

    What is black, white or grey becomes a mixture of the page's ink and paper, so that a figure reads in either mode;
    a hue stays as it is, and so do the near-greys of ``reports.plots.looks`` for text upon one.
    """
    root = ElementTree.parse(path).getroot()
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in _DROPPED]:
            parent.remove(child)
    for element in root.iter():
        _rewrite(element, prefix)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-label": alt}
    text = ElementTree.tostring(root, encoding="unicode")
    return Markup(re.sub(r"\s*\n\s*", " ", text))


def _rewrite(element: Element, prefix: str) -> None:
    """Names without namespace, ids with prefix, and attributes in place of an inline style, which the CSP forbids."""
    element.tag = element.tag.removeprefix(_SVG)
    for name, value in [*element.attrib.items()]:
        del element.attrib[name]
        if name == "style":
            element.attrib |= _declarations(value, prefix)
        elif name == "id":
            element.set(name, prefix + value)
        elif name in (f"{_XLINK}href", "href"):
            element.set("href", f"#{prefix}{value[1:]}" if value.startswith("#") else value)
        else:
            element.set(name.rpartition("}")[2], _REFERENCE.sub(f"url(#{prefix}", value))


def _declarations(style: str, prefix: str) -> dict[str, str]:
    """`fill: #262626; stroke: none` as attributes."""
    pairs = [part.partition(":") for part in style.split(";") if ":" in part]
    found = {name.strip(): _REFERENCE.sub(f"url(#{prefix}", value.strip()) for name, _, value in pairs}
    return {
        name: mixed(value) if name in ("fill", "stroke") else value
        for name, value in found.items()
        if name not in _INHERITED
    }


def mixed(colour: str) -> str:
    """A grey as a share of the page's ink on its paper: `#ffffff` is paper, `#000000` ink; other colours as given."""
    grey = _GREY.fullmatch(colour.lower())
    if grey is None:
        return colour
    ink = round(100 * (1 - int(grey[1], 16) / 255))
    if ink in (0, 100):
        return "var(--ink)" if ink else "var(--plot)"
    return f"color-mix(in srgb, var(--ink) {ink}%, var(--plot))"
