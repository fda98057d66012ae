"""The templates of the pages, in which everything that is put in is escaped."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def load_templates(service: Path | None = None) -> Environment:
    """Return the templates in `service`/app/templates (default: the working directory)."""
    folder = (service or Path.cwd()) / "app" / "templates"
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
