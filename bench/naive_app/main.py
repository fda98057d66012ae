"""The dashboard as most would write it: everything is read, computed and drawn anew for every session.

The baseline of bench/page.py. Every state has its glyphs from the start, hidden until it is chosen; the
CSV is read and each state's histogram computed whenever a page is opened.
"""

import os

import numpy as np
import pandas as pd
from bokeh.io import curdoc
from bokeh.layouts import column, row
from bokeh.models import Select, Slider
from bokeh.plotting import figure

data = pd.read_csv(os.environ["NAIVE_CSV"])
draws = np.load(os.environ["NAIVE_DRAWS"])
states = sorted(data["state_name"].unique())

outcome = figure(title="Packs sold per head", height=300, width=600)
treatment = figure(title="State cigarette tax", height=300, width=600)
effect = figure(title="Effect of the change", height=300, width=600)
glyphs = {}
histograms = {}


def compute_histogram(state, change):
    """Bin the draws of the effect on a state in its last year."""
    last = data[data["state_name"] == state].sort_values("year").iloc[-1]
    before = last["packs_per_capita"]
    effects = before * (np.exp(draws * np.log1p(change / 100)) - 1)
    top, edges = np.histogram(effects, bins=50, density=True)
    return {"top": top, "left": edges[:-1], "right": edges[1:]}


for place, state in enumerate(states):
    rows = data[data["state_name"] == state].sort_values("year")
    shown = place == 0
    histogram = effect.quad(bottom=0, **compute_histogram(state, 1.0), visible=shown)
    histograms[state] = histogram
    glyphs[state] = [
        outcome.line(rows["year"], rows["packs_per_capita"], visible=shown),
        outcome.scatter(rows["year"], rows["packs_per_capita"], visible=shown),
        treatment.line(rows["year"], rows["state_tax_usd"], visible=shown),
        treatment.scatter(rows["year"], rows["state_tax_usd"], visible=shown),
        histogram,
    ]

select = Select(title="State", value=states[0], options=states)
slider = Slider(title="Change in %", start=-50, end=100, value=1, step=1)


def choose(_attribute, _old, new):
    """Show the glyphs of a state and hide all others."""
    for state, renderers in glyphs.items():
        for renderer in renderers:
            renderer.visible = state == new


def change(_attribute, _old, new):
    """Bin all states again."""
    for state, histogram in histograms.items():
        histogram.data_source.data.update(compute_histogram(state, new))


select.on_change("value", choose)
slider.on_change("value", change)
curdoc().add_root(column(select, slider, row(outcome, treatment), effect))
curdoc().title = "Cigarette taxes"
