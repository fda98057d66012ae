"""The look of what Bokeh puts beside the analyst's figures, within its own shadow roots.

Colours and fonts come from the page, whose custom properties reach inside; those that are missing fall
back to the colour of the text.
"""

STYLE = """
:host { font: inherit; color: inherit; width: 100%; }
.bk-clearfix { display: block; width: 100%; }
p { margin: 0 0 .5rem; max-width: 70ch; }
ul { margin: 0 0 .5rem; padding-left: 1.25rem; max-width: 70ch; }
.key { list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: 0 1rem;
  font-size: .875rem; }
.key li { margin: 0; }
.key span { display: inline-block; width: 1.1rem; height: .45rem; margin-right: .4rem; border-radius: 2px;
  vertical-align: middle; }
li { margin-bottom: .25rem; }
.scroll { overflow-x: auto; max-width: 100%; margin-bottom: .5rem; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
.caption { font-weight: 600; font-size: .875rem; margin: .25rem 0; }
th, td { padding: .2rem .6rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line, color-mix(in srgb, currentColor 20%, transparent)); }
th { font-weight: 600; }
th.word, td.word { text-align: left; }
td.word { white-space: normal; overflow-wrap: break-word; min-width: 6rem; }
/* Numbers scroll beside the name that they are of, and a long name leaves them room. */
th.word[scope="row"] { position: sticky; left: 0; background: var(--card, Canvas); }
@media (width < 40rem) {
  th, td { padding: .2rem .4rem; }
  th.word { white-space: normal; overflow-wrap: break-word; min-width: 6rem; max-width: 9rem; }
  td.word { min-width: 9rem; }
  .told, .told tbody, .told tr, .told th, .told td { display: block; max-width: none; }
  .told thead { display: none; }
  .told th, .told td { border: 0; }
  .told tr { border-bottom: 1px solid var(--line, CanvasText); }
  .told td { overflow-wrap: anywhere; }
}
summary { cursor: pointer; padding: .3rem 0; }
h4 { margin: .75rem 0 .25rem; }
pre { overflow-x: auto; margin: 0 0 .5rem; padding: .6rem .75rem; border-radius: 4px; font-size: .875rem;
  background: color-mix(in srgb, currentColor 7%, transparent); }
a { color: inherit; }
:focus-visible { outline: 3px solid var(--focus, #d55e00); outline-offset: 2px; }
"""
