"""Tables of benchmarks in documents, between marks that nobody else writes."""

from pathlib import Path


def replace_part(document: Path, name: str, text: str) -> None:
    """Replace what stands between the marks of a name in a document.

    Raises
    ------
    ValueError
        The document has no such marks, or one of them twice.
    """
    opening, closing = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    content = document.read_text()
    if content.count(opening) != 1 or content.count(closing) != 1:
        raise ValueError(f"{document}: expected {opening.strip()} and {closing.strip()} once each")
    before, _, rest = content.partition(opening)
    document.write_text(before + opening + text + closing + rest.partition(closing)[2])
