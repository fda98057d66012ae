"""The analyst's tab of one page."""

from bokeh.models import Column
from bokeh.models.ui import UIElement

from dashboard.versions import LoadedVersion

NAMES: tuple[str, ...] = ()
WORDS: tuple[str, ...] = ()


class AnalystTab:
    """The roots of the tab, and what they show."""

    def __init__(self) -> None:
        self._columns: dict[str, Column] = {}

    @property
    def roots(self) -> tuple[tuple[str, UIElement], ...]:
        """The roots by name."""
        return tuple(self._columns.items())

    def words(self, version: LoadedVersion) -> dict[str, str]:
        """Give the words that the template has of this tab."""
        del version
        return {}

    def show(self, version: LoadedVersion, unit: str) -> None:
        """Fill the tab for a version."""
