"""Bokeh executes this file twice, so it keeps nothing: all state is in the imported package."""

from bokeh.application.application import ServerContext, SessionContext

from dashboard.process import running


def on_server_loaded(_server_context: ServerContext) -> None:
    """Follow the volume once the event loop runs."""
    running().start()


def on_server_unloaded(_server_context: ServerContext) -> None:
    """Stop following the volume."""
    running().stop()


def on_session_destroyed(session_context: SessionContext) -> None:
    """Forget the session's page."""
    running().close_page(session_context.id)
