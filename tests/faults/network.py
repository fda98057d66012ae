"""Faults of the network between the proxy and one replica, made in the replica's own network namespace.

`tc netem` is used where the kernel has it. Where it has not, netfilter does the same to the same packets:
it drops by chance, drops all, or hands them to a program that lets each go after a while.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import docker
from docker.models.containers import Container

from probes import eventually
from stack import REPOSITORY

TOOLS = "longitude/tests:dev"
"""The image with the tools that act on another container's network."""

LINK = "eth0"


@dataclass
class Network:
    """A replica's network, and the tools to disturb it. What is said is how it was done, for the ledger."""

    tools: Container

    def run(self, command: str) -> str:
        """Run a command in the replica's network; raise where it fails."""
        code, output = self.tools.exec_run(["sh", "-c", command])
        assert isinstance(output, bytes)
        if code != 0:
            raise OSError(f"{command} ended with {code}: {output.decode()}")
        return output.decode()

    @property
    def has_netem(self) -> bool:
        """Whether the kernel has tc's netem; the answer leaves nothing behind."""
        try:
            self.run(f"tc qdisc add dev {LINK} root netem delay 0ms && tc qdisc del dev {LINK} root")
        except OSError:
            return False
        return True

    @contextmanager
    def delay(self, milliseconds: int) -> Iterator[str]:
        """Let every packet from the replica wait so long."""
        if self.has_netem:
            self.run(f"tc qdisc add dev {LINK} root netem delay {milliseconds}ms")
            yield "tc netem"
            self.run(f"tc qdisc del dev {LINK} root")
            return
        script = REPOSITORY / "tests" / "faults" / "delay.py"
        self.tools.exec_run(["python", str(script), str(milliseconds / 1000)], detach=True)
        eventually(
            lambda: " 0 " in self.run("cat /proc/net/netfilter/nfnetlink_queue"), 10, "the delay's queue"
        )
        rule = f"OUTPUT -o {LINK} -j NFQUEUE --queue-num 0"
        self.run(f"iptables -A {rule}")
        yield "netfilter's queue, as this kernel lacks netem"
        assert self.counted() > 0, "no packet was delayed"
        self.run(f"iptables -D {rule}")

    @contextmanager
    def lose(self, percent: float) -> Iterator[str]:
        """Lose this share of all packets, of each direction."""
        if self.has_netem:
            self.run(f"tc qdisc add dev {LINK} root netem loss {percent}%")
            yield "tc netem, packets from the replica"
            assert re.search(r"dropped [1-9]", self.run(f"tc -s qdisc show dev {LINK}")), "nothing was lost"
            self.run(f"tc qdisc del dev {LINK} root")
            return
        chance = f"-m statistic --mode random --probability {percent / 100:g} -j DROP"
        rules = [f"INPUT -i {LINK} {chance}", f"OUTPUT -o {LINK} {chance}"]
        for rule in rules:
            self.run(f"iptables -A {rule}")
        yield "iptables, as this kernel lacks netem, in both directions"
        assert self.counted() > 0, "no packet was lost"
        for rule in rules:
            self.run(f"iptables -D {rule}")

    @contextmanager
    def cut(self) -> Iterator[float]:
        """Drop every packet, without a word to either side; give when that began."""
        rules = [f"INPUT -i {LINK} -j DROP", f"OUTPUT -o {LINK} -j DROP"]
        self.run(" && ".join(f"iptables -A {rule}" for rule in rules))
        yield time.monotonic()
        assert self.counted() > 0, "no packet was dropped"
        self.run(" && ".join(f"iptables -D {rule}" for rule in rules))

    def counted(self) -> int:
        """Give how many packets the rules have caught."""
        listed = self.run("iptables -nvxL")
        return sum(int(line.split()[0]) for line in listed.splitlines() if re.match(r"\s*\d+\s+\d+\s", line))


@contextmanager
def network_of(container: Container) -> Iterator[Network]:
    """Put the tools beside a container, in its network, for as long as the context lasts."""
    tools: Container = docker.from_env().containers.run(
        TOOLS,
        ["sleep", "3600"],
        network_mode=f"container:{container.id}",
        cap_add=["NET_ADMIN", "NET_RAW"],
        volumes={str(REPOSITORY): {"bind": str(REPOSITORY), "mode": "ro"}},
        init=True,
        detach=True,
        auto_remove=True,
    )
    try:
        yield Network(tools)
    finally:
        # With a rule left behind by a test that failed, the replica would stay disturbed.
        tools.exec_run(["sh", "-c", f"iptables -F; tc qdisc del dev {LINK} root"])
        tools.kill()
