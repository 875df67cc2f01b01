"""Small pieces of SVG and HTML, as text that is escaped once and for all."""

from __future__ import annotations

from markupsafe import Markup, escape


def element(name: str, *children: Markup | str, **attributes: str | float | None) -> Markup:
    """One element; texts and values are escaped, a value of None leaves its attribute out.

    ``class_`` and ``for_`` lose their underscore, others become hyphens; coordinates are rounded to a tenth.

    >>> element("text", "a < b", class_="label", text_anchor="end", x=1.25)
    Markup('<text class="label" text-anchor="end" x="1.2">a &lt; b</text>')
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(children)
    return Markup(f"<{name}{written}>{inner}</{name}>")  # noqa: S704 (each part is escaped above)


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """A coordinate, to a tenth.

    >>> number(3.0), number(2.04), number(-0.01)
    ('3', '2', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def path(*points: tuple[float, float]) -> str:
    """Straight lines through the points, as the value of ``d``."""
    return "M" + "L".join(f"{number(x)},{number(y)}" for x, y in points)
