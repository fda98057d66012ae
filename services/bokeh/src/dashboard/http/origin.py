"""The check that a websocket was opened by a page of this site."""

from collections.abc import Collection

from starlette.requests import HTTPConnection


def is_own_origin(request: HTTPConnection, hosts: Collection[str]) -> bool:
    """Return whether a request names exactly one origin, and that one is this site.

    Browsers name it on every websocket, and no page can change it.

    Parameters
    ----------
    request
        Its scheme is the browser's, as the proxy tells it.
    hosts
        Host names with their ports, as browsers send them.
    """
    origins = request.headers.getlist("origin")
    if len(origins) != 1:
        return False
    scheme = "https" if request.scope["scheme"] in {"https", "wss"} else "http"
    return origins[0].lower() in {f"{scheme}://{host}" for host in hosts}
