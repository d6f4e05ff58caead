"""A soak: processes and threads drop, query and prefetch the same files while others change them.

    python tests/reliability/soak.py --seconds 600

Each file says what it must contain, so that every read is a check. At the end all are evicted,
read from the disk and checked once more. The exit code is 1 if any check failed.
"""

import argparse
import errno
import hashlib
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from accv_cache import (
    CacheReport,
    DropCacheStatus,
    DropReport,
    FailedStep,
    PrefetchReport,
    drop,
    drop_videos_cache,
    prefetch,
    query,
)

VERB_PROCESSES = 4
VERB_THREADS = 8
CHANGING_PROCESSES = 2
FOLDERS = 20
DIGEST = hashlib.sha256().digest_size
# What the allocators of 8 threads may still allocate after the first quarter of the time.
MOST_GROWTH_BYTES = 32 << 20


class BrokenError(Exception):
    """A check failed."""


def content(number: int, version: int) -> bytes:
    """The content of a file: a digest, then one to four pages of pseudo-random bytes."""
    body = random.Random(f"{number} {version}").randbytes(4000 + number * 7 % 12000)
    return hashlib.sha256(body).digest() + body


def check(path: Path, text: bytes) -> None:
    """Raise `BrokenError` if the content does not match its digest."""
    if hashlib.sha256(text[DIGEST:]).digest() != text[:DIGEST]:
        msg = f"{path}: {len(text)} bytes are not what was written"
        raise BrokenError(msg)


class Files:
    """The files: each in a folder, under a name that does not change."""

    def __init__(self, directory: Path, count: int) -> None:
        """Name them; `create` makes them."""
        self.folders = [directory / f"{number:02}" for number in range(FOLDERS)]
        self.paths = [self.folders[each % FOLDERS] / f"{each}.clip" for each in range(count)]

    def create(self) -> None:
        """Write each of them."""
        for folder in self.folders:
            folder.mkdir()
        for number, path in enumerate(self.paths):
            path.write_bytes(content(number, 0))

    def some(self, chance: random.Random) -> list[Path]:
        """A run of neighbours, which overlaps with those of others."""
        start = chance.randrange(len(self.paths))
        return self.paths[start : start + chance.randrange(1, 2000)]


# The errors that may happen to a file that others change, and what is counted then.
OF_A_LIST = {errno.ENOENT: "records of files that had no name"}
# A walk opens only the file that it found, and a prefetch loads only the one that it measured;
# another that has its name by then is refused.
WHEN_OPENED_AGAIN = {**OF_A_LIST, errno.ESTALE: "records of files that were replaced meanwhile"}


def use_verbs(files: Files, chance: random.Random, counts: Counter[str]) -> None:
    """Call one of the verbs, and check the result."""
    chosen = chance.randrange(8)
    paths: list[Path] = files.some(chance)
    if chosen == 0:
        status = drop_videos_cache(paths)
        if status not in (DropCacheStatus.SUCCESS, DropCacheStatus.FILE_OPEN_FAILED):
            msg = f"drop_videos_cache: {status}"
            raise BrokenError(msg)
    else:
        walks = chance.randrange(5) == 0
        if walks:
            paths = [chance.choice(files.folders)]
        workers = chance.choice([None, 1, 4])
        report: DropReport | CacheReport | PrefetchReport
        if chosen <= 3:
            report = query(paths, spans=chosen == 2, workers=workers)
        elif chosen <= 5:
            report = drop(paths, sync=chosen == 4, workers=workers)
        else:
            report = prefetch(paths, on_limit="stop", wait=chosen == 6, workers=workers)
        is_opened_again = walks or isinstance(report, PrefetchReport)
        known = WHEN_OPENED_AGAIN if is_opened_again else OF_A_LIST
        for record in report.files:
            if record.error is None:
                continue
            expected = known.get(record.error.errno or 0)
            if expected is None or record.failed_step is not FailedStep.OPEN:
                msg = f"{record.path}: {record.error!r}"
                raise BrokenError(msg)
            counts[expected] += 1
        counts["records"] += len(report.files)
    counts["calls of the verbs"] += 1


def change_files(files: Files, chance: random.Random, counts: Counter[str]) -> None:
    """Read a file, rewrite it, replace it, or remove it for a moment."""
    number = chance.randrange(len(files.paths))
    path = files.paths[number]
    other = path.with_suffix(f".{os.getpid()}")
    action = chance.choice(["read", "read", "rewritten", "replaced", "unlinked"])
    try:
        text = path.read_bytes()
        check(path, text)
        if action == "rewritten":  # the same, so that a reader at that moment sees no other
            with path.open("rb+", buffering=0) as file:
                file.write(text[:DIGEST])
        elif action == "replaced":
            other.write_bytes(content(number, chance.getrandbits(30)))
            other.rename(path)
        elif action == "unlinked":
            other.write_bytes(text)
            path.unlink()
            other.rename(path)
    except FileNotFoundError:
        counts["files met while they had no name"] += 1
        other.unlink(missing_ok=True)
    counts[f"files {action}"] += 1


class Job(NamedTuple):
    """What a process does, on so many threads, until the time `end`."""

    work: Callable[[Files, random.Random, Counter[str]], None]
    threads: int
    seed: int
    end: float


def memory_bytes() -> int:
    """The resident memory of this process that is its own."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:"))


def holdings() -> dict[str, int]:
    """The figures that would show a leak."""
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "mappings of files": Path("/proc/self/maps").read_text().count(".clip"),
    }


def run_job(answer: Connection, files: Files, job: Job) -> None:
    """In a new process: do the work, and send the counts and the errors."""
    counts: Counter[str] = Counter()
    troubles: list[str] = []

    def on_thread(nth: int, until: float) -> None:
        chance = random.Random(f"{job.seed} {nth}")
        mine: Counter[str] = Counter()
        try:
            while time.monotonic() < until and not troubles:
                job.work(files, chance, mine)
        except BaseException:  # noqa: BLE001 - it is what this program is here to find
            troubles.append(traceback.format_exc())
        counts.update(mine)

    def run(until: float) -> None:
        workers = [
            threading.Thread(target=on_thread, args=(nth, until)) for nth in range(job.threads)
        ]
        for each in workers:
            each.start()
        for each in workers:
            each.join()

    now = time.monotonic()
    before = holdings()
    run(now + (job.end - now) / 4)  # what is made once is made
    memory = memory_bytes()
    run(job.end)
    growth = memory_bytes() - memory
    after = holdings()
    while after["threads"] > before["threads"] and time.monotonic() < job.end + 60:
        after = holdings()  # a joined thread stays in /proc for a moment
    if after != before:
        troubles.append(f"before {before}, afterwards {after}")
    if growth > MOST_GROWTH_BYTES:
        troubles.append(f"{growth} bytes of memory more")
    answer.send((counts, troubles, growth))


def soak(directory: Path, seconds: float, count: int, seed: int) -> int:
    """Run it; print the figures; return the exit code."""
    files = Files(directory, count)
    files.create()
    end = time.monotonic() + seconds
    context = multiprocessing.get_context("fork")
    kinds = [(use_verbs, VERB_THREADS)] * VERB_PROCESSES + [(change_files, 1)] * CHANGING_PROCESSES
    started = []
    for nth, (kind, threads) in enumerate(kinds):
        ours, theirs = context.Pipe(duplex=False)
        job = Job(kind, threads, seed + nth, end)
        process = context.Process(target=run_job, args=(theirs, files, job))
        process.start()
        theirs.close()
        started.append((process, ours))

    counts: Counter[str] = Counter()
    troubles: list[str] = []
    growths: list[int] = []
    for process, ours in started:
        try:
            more, trouble, growth = ours.recv()
            counts.update(more)
            troubles += trouble
            growths.append(growth)
        except EOFError:
            troubles.append(f"process {process.pid} ended without a word")
        process.join()
        if process.exitcode != 0:
            troubles.append(f"process {process.pid} ended with {process.exitcode}")

    if not drop(directory).ok:
        troubles.append("the last drop failed")
    for path in files.paths:
        check(path, path.read_bytes())
    print(f"{seconds:g} seconds, {count} files, seed {seed}")
    print(f"{VERB_PROCESSES} processes of {VERB_THREADS} threads with verbs")
    print(f"{CHANGING_PROCESSES} processes that read and change files")
    for name, number in sorted(counts.items()):
        print(f"{number:12,} {name}")
    print(f"{max(growths, default=0):12,} bytes of memory more at the most, in one process")
    print(f"{count:12,} files have the right content")
    for trouble in troubles:
        print(trouble, file=sys.stderr)
    return 1 if troubles else 0


def main() -> int:
    """Read the arguments and run it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--directory", default="/var/tmp", help="where to make the files")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="accv-cache-soak-", dir=asked.directory) as place:
        return soak(Path(place), asked.seconds, asked.files, asked.seed)


if __name__ == "__main__":
    sys.exit(main())
