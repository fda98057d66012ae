"""Running one replica: health, metrics, draining, garbage collection, its start and its end.

Nothing here knows pages or figures. `serve` and `site` import this package; it imports the catalogue and
`live` only for figures that it reports.
"""
