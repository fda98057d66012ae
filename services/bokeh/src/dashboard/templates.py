"""The templates of the pages, in which everything that is put in is escaped."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def load_templates(service: Path | None = None) -> Environment:
    """Give the templates in `service`/app/templates (default: where we run).

    Bokeh loads the application's template too, without escaping in the files it includes; ours are never
    rendered by it.
    """
    folder = (service or Path.cwd()) / "app" / "templates"
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
