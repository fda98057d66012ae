"""Session tokens that must not open a session, and the ways to try them in numbers."""

import asyncio
import base64
import json
import os
import random
import ssl
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bokeh.util.token import generate_jwt_token, generate_session_id, get_session_id, get_token_payload

from faults.frames import handshake
from stack import Stack

CONNECTIONS = 16
ANSWER_SECONDS = 30.0
COMPRESSED = "__bk__zlib_"
"""Under this name Bokeh keeps what it has compressed of a token's payload."""


def read_secret(stack: Stack) -> bytes:
    """Give the secret that the replicas of a stack sign with, as it is in their volume."""
    secret = stack.compose("exec", "-T", "bokeh", "cat", "/run/longitude/session-secret").stdout
    return secret.strip().encode()


def encode(content: bytes) -> str:
    """Write bytes as tokens do: base64 for addresses, without padding."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decode(token: str) -> dict[str, object]:
    """Read what a token says, what is compressed in it included."""
    return {"session_id": get_session_id(token)} | get_token_payload(token)


@dataclass(frozen=True)
class Forger:
    """Makes tokens that must be refused out of one that is good, with and without the stack's secret."""

    good: str
    secret: bytes

    def make(self, kind: str, chance: random.Random) -> str:
        """Make one token of a kind."""
        payload, _, signature = self.good.partition(".")
        match kind:
            case "unsigned":
                return payload
            case "garbage":
                return encode(chance.randbytes(chance.randrange(1, 400)))
            case "other payload":
                return f"{self._forge({'session_id': encode(chance.randbytes(24))})}.{signature}"
            case "later expiry":
                return f"{self._forge({'session_expiry': int(time.time()) + 10**9})}.{signature}"
            case "flipped bit":
                place = chance.randrange(len(self.good) - 1)
                other = chance.choice([c for c in "abcXYZ019_-" if c != self.good[place]])
                return self.good[:place] + other + self.good[place + 1 :]
            case "other secret":
                return self._sign(chance.randbytes(48), expiration=300)
            case "expired":
                return self._sign(self.secret, expiration=-chance.randrange(1, 10**7))
            case "expired long ago":
                return self._sign(self.secret, expiration=-int(time.time()))
            case "oversized, 8 KiB":
                return f"{encode(chance.randbytes(6 * 1024))}.{signature}"
            case "oversized, 70 KiB":
                return f"{encode(chance.randbytes(52 * 1024))}.{signature}"
            case "oversized, 1 MiB":
                return f"{encode(os.urandom(768 * 1024))}.{signature}"
            case "zlib bomb of 1 MB":
                return f"{self._forge({COMPRESSED: bomb(1)})}.{signature}"
            case "zlib bomb of 20 MB":
                return f"{self._forge({COMPRESSED: bomb(20)})}.{signature}"
        raise ValueError(f"no such kind: {kind}")

    def _forge(self, changes: dict[str, object]) -> str:
        content = json.loads(base64.urlsafe_b64decode(self.good.partition(".")[0] + "=="))
        return encode(json.dumps(content | changes).encode())

    @staticmethod
    def _sign(secret: bytes, expiration: int) -> str:
        return generate_jwt_token(
            generate_session_id(secret, signed=True), secret, signed=True, expiration=expiration
        )


# How many of a hundred.
SHARES = {
    "unsigned": 8,
    "garbage": 10,
    "other payload": 10,
    "later expiry": 10,
    "flipped bit": 10,
    "other secret": 10,
    "expired": 14,
    "expired long ago": 4,
    "oversized, 8 KiB": 6,
    "oversized, 70 KiB": 5,
    "oversized, 1 MiB": 1,
    "zlib bomb of 1 MB": 6,
    "zlib bomb of 20 MB": 6,
}


def bomb(megabytes: int) -> str:
    """Write a few kB that become so many megabytes."""
    return encode(zlib.compress(b'{"a": "' + b"0" * megabytes * 1_000_000 + b'"}', 9))


def make_tokens(forger: Forger, count: int) -> list[tuple[str, str]]:
    """Make so many tokens in an order of chance, each with its kind."""
    chance = random.Random(count)
    kinds = [kind for kind, share in SHARES.items() for _ in range(share * count // 100)]
    chance.shuffle(kinds)
    return [(kind, forger.make(kind, chance)) for kind in kinds]


async def try_tokens(stack: Stack, tokens: list[tuple[str, str]]) -> Counter[tuple[str, int]]:
    """Try to open a websocket with each token; count kinds and statuses, 0 for no answer in HTTP."""
    found: Counter[tuple[str, int]] = Counter()
    trust = ssl.create_default_context(cafile=str(stack.ca))
    left = iter(tokens)
    await asyncio.gather(*(_try_in_turn(stack, left, trust, found) for _ in range(CONNECTIONS)))
    return found


async def _try_in_turn(
    stack: Stack, left: Iterator[tuple[str, str]], trust: ssl.SSLContext, found: Counter[tuple[str, int]]
) -> None:
    """Try tokens one after the other, on one connection for as long as it is kept open."""
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for kind, token in left:
        for _ in range(2):
            fresh = streams is None
            if streams is None:
                streams = await asyncio.open_connection(
                    "127.0.0.1", stack.https_port, ssl=trust, server_hostname="localhost"
                )
            async with asyncio.timeout(ANSWER_SECONDS):
                status, kept = await _try(streams, handshake(stack, token))
            if not kept:
                streams[1].close()
                streams = None
            # One that was kept open may have been closed by the other side for its age.
            if status or fresh:
                break
        found[kind, status] += 1
    if streams is not None:
        streams[1].close()


async def _try(
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes
) -> tuple[int, bool]:
    """Give the status of the answer, and whether the connection can be used again."""
    reader, writer = streams
    try:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head[9:12])
        lengths = [
            line.partition(":")[2] for line in head.split("\r\n") if line.startswith("content-length:")
        ]
        if status == 101 or not lengths or "connection: close" in head:
            return status, False
        await reader.readexactly(int(lengths[0]))
    except (OSError, asyncio.IncompleteReadError):
        return 0, False
    return status, True
