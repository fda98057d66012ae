"""Runs once per session, with the session's empty document as the current one."""

from bokeh.io import curdoc

from dashboard.process import running

running().open_page(curdoc())
