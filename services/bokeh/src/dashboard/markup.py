"""HTML of what is said beside figures: sentences, lists and tables, everything escaped."""

from collections.abc import Iterable, Sequence
from html import escape

Row = Sequence[str]


def write_paragraphs(sentences: Iterable[str]) -> str:
    """Give each sentence a paragraph; empty ones are left out."""
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences if sentence)


def write_list(items: Iterable[str]) -> str:
    """Give a bulleted list."""
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def write_table(
    caption: str, header: Row, rows: Iterable[Row], *, words: frozenset[int] = frozenset()
) -> str:
    """Give a table that scrolls within itself where the screen is narrow.

    Parameters
    ----------
    caption
        What the table holds: said above it, and the name of table and scrolling region.
    rows
        The first cell of each is its heading.
    words
        Places of columns, from 0, that hold words; all but the first are taken for numbers otherwise.
        A table of words alone is told row by row on a telephone, where its columns have no room.
    """

    def kind(place: int) -> str:
        return ' class="word"' if place == 0 or place in words else ""

    heads = "".join(f'<th scope="col"{kind(place)}>{escape(cell)}</th>' for place, cell in enumerate(header))
    body = "".join(
        f'<tr><th scope="row"{kind(0)}>{escape(row[0])}</th>'
        + "".join(f"<td{kind(place)}>{escape(cell)}</td>" for place, cell in enumerate(row[1:], 1))
        + "</tr>"
        for row in rows
    )
    label = escape(caption, quote=True)
    told = ' class="told"' if len(header) > 1 and words >= set(range(1, len(header))) else ""
    return (
        f'<p class="caption">{escape(caption)}</p>'
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">'
        f'<table{told} aria-label="{label}">'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def fold(summary: str, content: str) -> str:
    """Give content that opens when asked for."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def write_code(lines: Iterable[str]) -> str:
    """Give lines of a program or of mathematics, one below the other."""
    return f'<pre tabindex="0"><code>{escape(chr(10).join(lines))}</code></pre>'


def write_link(url: str, text: str) -> str:
    """Give a link that saves what it leads to."""
    return f'<a href="{escape(url, quote=True)}" download>{escape(text)}</a>'


def write_heading(text: str) -> str:
    """Give a heading below a section's own."""
    return f"<h4>{escape(text)}</h4>"


def write_key(entries: Iterable[tuple[str, str]]) -> str:
    """Give a figure's key: a colour and what has it, for each."""
    items = "".join(
        f'<li><span style="background:{escape(colour, quote=True)}"></span>{escape(name)}</li>'
        for colour, name in entries
    )
    return f'<ul class="key">{items}</ul>'
