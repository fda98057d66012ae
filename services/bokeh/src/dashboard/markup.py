"""HTML beside figures: sentences, lists and tables, everything escaped."""

from collections.abc import Iterable, Sequence
from html import escape

Row = Sequence[str]


def write_paragraphs(*sentences: str) -> str:
    """Write each sentence as a paragraph; empty ones are left out."""
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences if sentence)


def write_list(items: Iterable[str]) -> str:
    """Write a bulleted list."""
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def write_table(
    caption: str, header: Row, rows: Iterable[Row], *, words: frozenset[int] = frozenset()
) -> str:
    """Write a table that scrolls within itself where the screen is narrow.

    Parameters
    ----------
    caption
        The sentence above the table, and the name of table and scrolling region.
    rows
        The first cell of each is its heading.
    words
        Places of columns, from 0, that hold words; all but the first are taken for numbers otherwise.
        A table of words alone is laid out row by row on a telephone, where its columns have no room.
    """

    def kind(place: int) -> str:
        return ' class="word"' if place == 0 or place in words else ""

    heads = "".join(f'<th scope="col"{kind(place)}>{escape(cell)}</th>' for place, cell in enumerate(header))
    body = ""
    for heading, *cells in rows:
        data = (f"<td{kind(place)}>{escape(cell)}</td>" for place, cell in enumerate(cells, 1))
        body += f'<tr><th scope="row"{kind(0)}>{escape(heading)}</th>{"".join(data)}</tr>'
    label = escape(caption)
    told = ' class="told"' if len(header) > 1 and all(map(kind, range(len(header)))) else ""
    return (
        f'<p class="caption">{label}</p>'
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">'
        f'<table{told} aria-label="{label}">'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def fold(summary: str, content: str) -> str:
    """Write content that opens on demand."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def write_code(lines: Iterable[str]) -> str:
    """Write lines of a program or of mathematics, one below the other."""
    return f'<pre tabindex="0"><code>{escape(chr(10).join(lines))}</code></pre>'


def write_link(url: str, text: str) -> str:
    """Write a link that saves its target."""
    return f'<a href="{escape(url)}" download>{escape(text)}</a>'


def write_heading(text: str) -> str:
    """Write a heading below a section's own."""
    return f"<h4>{escape(text)}</h4>"


def write_key(*entries: tuple[str, str]) -> str:
    """Write a figure's key from pairs of color and name."""
    items = "".join(
        f'<li><span style="background:{colour}"></span>{escape(name)}</li>' for colour, name in entries
    )
    return f'<ul class="key">{items}</ul>'
