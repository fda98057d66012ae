# runs in: tests
"""Time of a stack from `docker compose up` on built images and empty volumes.

Two figures, medians over the rounds: until the page answers (it shows the fit's progress), and
until every study is published. Beside them, from the same run, what one empty container costs to
start on this machine, as the scale of its day.
"""

import argparse
import json
import statistics
import subprocess
import time

import requests

from probes import eventually
from stack import Stack

PAGE_LIMIT_S = 15
PUBLISHED_LIMIT_S = 180


def empty_container_s() -> float:
    """Time one `docker run` of a container that does nothing."""
    start = time.perf_counter()
    command = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "true", "longitude/static:dev"]
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def round_s(number: int) -> tuple[float, float]:
    """Time one stack from nothing: seconds until its page answers, and until all is published."""
    stack = Stack(f"longitude-bench-startup-{number}")
    stack.prepare()
    stack.down()
    names = sorted(folder.name for folder in stack.studies.iterdir())
    start = time.perf_counter()
    try:
        with subprocess.Popen(
            ["docker", "compose", "up", "--detach", "--no-build"],
            env=stack.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        ) as command:
            eventually(lambda: answers(stack), 60, "a page that answers")
            page = time.perf_counter() - start
            assert command.wait() == 0
        eventually(lambda: all(stack.published(name) for name in names), 200, "all studies published")
        return page, time.perf_counter() - start
    finally:
        stack.down()


def answers(stack: Stack) -> bool:
    """Return whether the proxy serves the page now; the certificate is checked once the stack is up."""
    try:
        answer = requests.get(stack.url, timeout=5, verify=False)
    except requests.RequestException:
        return False
    return answer.status_code == 200 and '<meta name="replica"' in answer.text


def main() -> None:
    """Measure, print, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    requests.packages.urllib3.disable_warnings()  # type: ignore[attr-defined]
    bare = statistics.median(empty_container_s() for _ in range(3))
    pages, published = zip(*(round_s(number) for number in range(rounds)), strict=True)
    page_s, published_s = statistics.median(pages), statistics.median(published)
    print(f"one empty container     {bare:7.2f} s")
    for name, median, every, limit in (
        ("page answers", page_s, pages, PAGE_LIMIT_S),
        ("all studies published", published_s, published, PUBLISHED_LIMIT_S),
    ):
        rows = ", ".join(f"{seconds:.1f}" for seconds in every)
        print(
            f"{name:<23} {median:7.2f} s  {median / bare:6.1f} x an empty container (limit {limit} s; {rows})"
        )
    print(json.dumps({"page_s": round(page_s, 2), "published_s": round(published_s, 2)}))


if __name__ == "__main__":
    main()
