"""Whatever is in the volume and whatever happens to the worker, readers serve a whole version."""

import json
import random
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from docker.models.containers import Container

from faults.forms import Form
from faults.injection import address_of, run_inside, standing_of
from faults.ledger import Ledger
from faults.readers import Readers
from faults.traced_worker import TracedWorker
from probes import Session, data_block, eventually, visit
from stack import REPOSITORY, Stack

DAMAGE = (Path(__file__).parent / "damage.py").read_text()
MARK = "pickle-was-run"
STUDIES = 25


class Damage:
    """The program beside the worker that damages studies made for it."""

    def __init__(self, stack: Stack) -> None:
        run = (
            "docker",
            "compose",
            "run",
            "--rm",
            "--no-deps",
            "--quiet-pull",
            "-T",
            "--entrypoint",
            "python",
        )
        self._process = subprocess.Popen(
            [*run, "model-worker", "-c", DAMAGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env=stack.environment,
        )

    def tell(self, *command: object) -> Any:
        """Give one command and return what it answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, command)) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the program."""
        self._process.communicate(timeout=30)


@contextmanager
def damaged_studies(stack: Stack) -> Iterator[tuple[Damage, list[str], str]]:
    """Make studies that may be damaged for as long as the context lasts; yield them and what they serve.

    The worker is stopped meanwhile: it withdraws studies without a folder.
    """
    stack.compose("stop", "model-worker")
    damage = Damage(stack)
    try:
        made = damage.tell("seed", STUDIES)
        yield damage, made["studies"], made["version"]
    finally:
        damage.tell("remove")
        damage.close()
        stack.compose("start", "model-worker")


def refusals(container: Container, since: float) -> set[str]:
    """Name the studies of which a replica has said since a moment that what is published cannot be had."""
    log = container.logs(since=since, stdout=True, stderr=True).decode(errors="replace")
    why = r"The published version cannot be read|[Vv]ersion \w+(?:, which was published since,)? cannot be"
    return set(re.findall(rf'"level": "(?:error|warning)".*study (damaged-\d+): (?:{why})', log))


def look(replica: Container, study: str) -> str:
    """Load a page of a study from a replica, which tries what is published; return the version shown."""
    page = requests.get(f"http://{address_of(replica)}:5006/?study={study}", timeout=20)
    return str(data_block(page.text, "words")["version"])


def look_everywhere(replicas: list[Container], since: float, names: list[str]) -> bool:
    """Look at the studies that were not refused yet; return whether every replica has refused all of them."""
    left = [(replica, name) for replica in replicas for name in set(names) - refusals(replica, since)]
    for replica, name in left:
        look(replica, name)
    return not left


def shown_version(stack: Stack, study: str) -> str:
    """Give the version that a page of a study shows."""
    with Session(visit(stack, f"study={study}")) as session:
        return session.words["version"]


def test_damaged_manifests_traces_and_pickles_are_refused(
    quiet_stack: Stack, ledger: Ledger, form: Form
) -> None:
    stack, rounds, chance = quiet_stack, 40 if form.full else 2, random.Random(3)
    replicas, before = stack.containers("bokeh"), standing_of(stack)
    ways: Counter[str] = Counter()
    refused, shown, wrong = 0, 0, []
    with damaged_studies(stack) as (damage, names, good):
        for name in (names[0], names[-1]):
            eventually(lambda name=name: shown_version(stack, name) == good, 60, f"{name} is served")
        for _ in range(rounds):
            since = time.time()
            done = damage.tell("damage")
            ways.update(way.partition(":")[0] for way, _ in done.values())

            eventually(
                lambda since=since: look_everywhere(replicas, since, names),
                30,
                "every replica refuses every damaged version",
            )
            refused += len(done)
            for name in chance.sample(names, 3):
                shown += 1
                found = shown_version(stack, name)
                if found != good:
                    wrong.append(f"{name} {done[name]}: {found!r}")
        ran = damage.tell("heal")["run"]
        ran += [
            f"{replica.name}: {found}"
            for replica in replicas
            if (found := run_inside(replica, f"ls /tmp/{MARK} /traces/{MARK} 2>/dev/null").strip())
        ]
        for name in names:
            shown += 1
            found = shown_version(stack, name)
            if found != good:
                wrong.append(f"{name}, healed: {found!r}")
    with ledger.account(
        f"{refused:,} damaged manifests, traces, pointers and pickles in the volume"
    ) as account:
        kinds = ", ".join(f"{count} {name}" for name, count in ways.items())
        account.add(
            "all refused",
            f"{refused} of {STUDIES * rounds} by each of {len(replicas)} replicas ({kinds})",
            refused == STUDIES * rounds,
        )
        account.add(
            "last good version served",
            f"{len(wrong)} of {shown} pages showed another one {wrong[:3] or ''}".strip(),
            not wrong,
        )
        account.add(
            "no code run", f"{len(ran)} traces of a pickle that was loaded {ran or ''}".strip(), not ran
        )
        same = standing_of(stack) == before
        account.add("no replica minds", f"{'all' if same else 'not all'} as they were", same)


CRASHES = "publisher_killed_at_any or error_at_any"
TEST_IMAGE = "longitude/model-worker-test:dev"


@pytest.mark.full
def test_publisher_killed_or_refused_at_every_system_call_on_the_volume_that_replicas_read(
    quiet_stack: Stack, ledger: Ledger
) -> None:
    stack = quiet_stack
    study = "cigarette-sales"
    served = stack.published(study)
    assert served
    readers = Readers(stack, study)
    with ledger.account(
        "publisher killed, or its disk refusing, at every system call of a publish"
    ) as account:
        with readers.reading():
            done = stack.run(
                *("docker", "run", "--rm", "--network", "none", "--cap-add", "SYS_PTRACE"),
                *("--user", "10001:10001", "--volume", f"{stack.project}_traces:/traces"),
                *(
                    "--env",
                    "STORE_UNDER_TEST=/traces",
                    "--env",
                    "HOME=/tmp",
                    "--workdir",
                    "/src/packages/tracestore",
                ),
                *(
                    TEST_IMAGE,
                    "/opt/venv/bin/pytest",
                    "-p",
                    "no:cacheprovider",
                    "-q",
                    "-rP",
                    "tests/test_crash.py",
                ),
                *("-k", CRASHES),
                check=False,
            )
        killed = re.search(r"killed at (\d+) of (\d+) system calls: .*", done.stdout)
        refused = re.search(r"refused at (\d+) of (\d+) calls and errors: .*", done.stdout)
        for found, what in ((killed, "killed"), (refused, "refused (disk full, I/O error, read-only)")):
            account.add(
                f"{what}: old or new version served, nothing left behind after the next run",
                found[0] if found else done.stdout[-500:],
                done.returncode == 0 and found is not None and found[1] == found[2],
            )
        account.add(
            "replicas serve whole versions all along",
            f"{readers.reads} pages and downloads of {len(readers.versions)} versions, "
            f"{len(readers.wrong)} wrong {readers.wrong[:3] or ''}".strip(),
            not readers.wrong and readers.reads > 20 and len(readers.versions) > 5,
        )
    stack.in_worker("fit", study)
    assert stack.published(study)["version"] == served["version"]  # type: ignore[index]


STRIKES = (
    ("fsync", 0, "signal=SIGKILL"),
    ("rename", 0, "signal=SIGKILL"),
    ("rename", -1, "signal=SIGKILL"),
    ("write", 0, "error=ENOSPC"),
    ("rename", 0, "error=EROFS"),
)
"""Kind and place of a call of a publish, and what happens to the worker or its disk there."""


@pytest.mark.full
def test_worker_killed_or_refused_while_it_publishes(quiet_stack: Stack, ledger: Ledger) -> None:
    stack, study = quiet_stack, "smoking-spending"
    own = stack.published(study)
    assert own
    worker, readers = TracedWorker(stack, study), Readers(stack, study)
    (volume,) = stack.containers("model-worker")
    clean = "from pathlib import Path; from tracestore.publisher import Publisher;"
    clean += "Publisher(Path('/traces')).clean_leftovers()"
    ended, unfit = [], []
    with readers.reading():
        # The first one compiles what the others find compiled, with system calls of its own.
        for seed in (1, 2):
            counting = worker.fit(seed)
            assert counting.code == 0, counting.said
        calls = worker.calls_of(counting)
        for seed, (kind, place, injection) in enumerate(STRIKES, 3):
            old, call = stack.published(study), [one for one in calls if one.kind == kind][place]
            run = worker.fit(seed, "-e", f"inject={kind}:{injection}:when={call.nth}")
            where = f"{injection} at {kind} {call.what}"
            assert f"/traces/{study}/" in run.struck, f"{where} did not happen: {run.struck}"
            ended.append(run.code)
            now = stack.published(study)
            code = run_inside(volume, f'python -c "{clean}" && echo cleaned')
            left = run_inside(volume, f"ls -A /traces/{study}").split()
            finished = stack.published(study)
            assert code.endswith("cleaned\n"), code
            if run.code != (137 if "SIGKILL" in injection else 1):
                unfit.append(f"{where}: exit code {run.code}")
            if now != old and "error" in injection:
                unfit.append(f"{where}: {now} is served and not {old}")
            if finished not in (old, now) and "rename" not in where:
                unfit.append(f"{where}: {finished} is served at last")
            if any(name.startswith(".tmp") for name in left):
                unfit.append(f"{where}: left behind {left}")
        assert worker.fit(100).code == 0
    with ledger.account("the deployed worker killed or refused while it publishes") as account:
        account.add(
            "non-zero exit, old or new version served, nothing left behind after the next run",
            f"{len(STRIKES)} fits, ended with {ended}; {len(unfit)} not as they should {unfit or ''}".strip(),
            not unfit,
        )
        account.add(
            "replicas serve whole versions all along",
            f"{readers.reads} pages and downloads, "
            f"{len(readers.wrong)} wrong {readers.wrong[:3] or ''}".strip(),
            not readers.wrong and readers.reads > 20,
        )
    stack.in_worker("fit", study)
    now = stack.published(study)
    assert now is not None
    assert now["version"] == own["version"]
