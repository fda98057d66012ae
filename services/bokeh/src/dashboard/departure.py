"""Whether a client has left, of whom messages still wait to be read."""

import socket

ESTABLISHED = 1
"""What Linux calls a connection that both sides have open: the first byte of `tcp_info`, tcp(7)."""


def has_left(connection: socket.socket) -> bool:
    """Say whether the other side of a TCP connection has closed it, however much it has sent before."""
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED
