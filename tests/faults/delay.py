"""Let every packet of netfilter's queue 0 go after so many seconds: what tc netem does, without it.

Speaks nfnetlink_queue's own messages (linux/netfilter/nfnetlink_queue.h), of which it needs three.
"""

import selectors
import socket
import struct
import sys
import time
from collections import deque

NETLINK_NETFILTER = 12
QUEUE_PACKET, QUEUE_VERDICT, QUEUE_CONFIG = 0x300, 0x301, 0x302
REQUEST = 1
CONFIG_COMMAND, CONFIG_PARAMETERS, CONFIG_LENGTH = 1, 2, 3
PACKET_HEADER, VERDICT_HEADER = 1, 2
BIND, COPY_META, ACCEPT = 1, 1, 1
LENGTH = 65_536


def write_message(kind: int, attribute: int, content: bytes) -> bytes:
    """Write one netlink message for queue 0 with one attribute."""
    field = struct.pack("=HH", 4 + len(content), attribute) + content
    field += b"\0" * (-len(field) % 4)
    body = struct.pack("=BBH", 0, 0, 0) + field
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST, 0, 0) + body


def read_packets(data: bytes) -> list[bytes]:
    """Give the ids of the packets that messages tell of."""
    found = []
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        at = 20
        while kind == QUEUE_PACKET and at < length:
            size, attribute = struct.unpack_from("=HH", data, at)
            if attribute & 0x7FFF == PACKET_HEADER:
                found.append(data[at + 4 : at + 8])
            at += size + -size % 4
        data = data[length + -length % 4 :]
    return found


def main(seconds: float) -> None:
    """Run until killed."""
    queue = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    queue.bind((0, 0))
    queue.send(write_message(QUEUE_CONFIG, CONFIG_COMMAND, struct.pack(">BBH", BIND, 0, 0)))
    queue.send(write_message(QUEUE_CONFIG, CONFIG_PARAMETERS, struct.pack(">IB", 0, COPY_META)))
    queue.send(write_message(QUEUE_CONFIG, CONFIG_LENGTH, struct.pack(">I", LENGTH)))
    queue.setblocking(False)
    waiting: deque[tuple[float, bytes]] = deque()
    with selectors.DefaultSelector() as ready:
        ready.register(queue, selectors.EVENT_READ)
        while True:
            timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            if ready.select(timeout):
                due = time.monotonic() + seconds
                waiting.extend((due, packet) for packet in read_packets(queue.recv(1 << 20)))
            while waiting and waiting[0][0] <= time.monotonic():
                verdict = struct.pack(">I", ACCEPT) + waiting.popleft()[1]
                queue.send(write_message(QUEUE_VERDICT, VERDICT_HEADER, verdict))


if __name__ == "__main__":
    main(float(sys.argv[1]))
