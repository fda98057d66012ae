"""What browsers may do with the page: the Content-Security-Policy."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
"""Bokeh sets styles inline, its icons are data URLs; nothing else leaves the defaults."""


def write_policy(frame_ancestors: tuple[str, ...]) -> str:
    """Write the policy, with the origins whose pages may hold this one in a frame; none by default."""
    return f"{POLICY}; frame-ancestors {' '.join(frame_ancestors) or "'none'"}"
