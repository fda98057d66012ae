"""Live sessions: Bokeh documents, their websockets, and what changes them.

This package alone imports `bokeh.server`, and `internals` alone uses private names of Bokeh. The packages
`http` and `operations` import it; pages and figures may use `live.internals`, and nothing else of it.
"""
