"""The dashboard's page as most Bokeh applications are made: built anew for every session.

Run by `bokeh serve` and by `panel serve`, as they come. What is published is read once for the whole process.
"""

from bokeh.io import curdoc
from plain_store import CATALOGUE, THEME, VERSIONS

from dashboard.page import Page

document = curdoc()
document.theme = THEME
Page(CATALOGUE, VERSIONS, document.session_context.request.query).attach(document)
