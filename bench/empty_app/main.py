"""A page with one word in it: what Bokeh itself takes to make a session."""

from bokeh.io import curdoc
from bokeh.models import Div

curdoc().add_root(Div(text="empty"))
