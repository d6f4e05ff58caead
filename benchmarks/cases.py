"""The rows of the table: what is timed, against which peer, and the goal."""

import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from multiprocessing import get_context
from operator import attrgetter, methodcaller
from pathlib import Path

from . import ours, peers, states
from .measure import Contender, Goal, Run, Series, alternate


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many files a case takes, and how large they are."""

    clips: int
    small: int
    videos: int
    slow: int
    written: int
    singles: int
    many: int
    folders: int
    processes: int
    starts: int
    large_bytes: int
    image_bytes: int
    clip_bytes: int = 64 << 10
    video_bytes: int = 5 << 20
    written_bytes: int = 256 << 10


FULL = Sizes(
    clips=50_000,
    small=8_000,
    videos=200,
    slow=2_000,
    written=2_000,
    singles=1_000,
    many=1_000_000,
    folders=100,
    processes=500,
    starts=10,
    large_bytes=1 << 30,
    image_bytes=4 << 30,
)
QUICK = Sizes(
    clips=500,
    small=100,
    videos=4,
    slow=50,
    written=50,
    singles=20,
    many=10_000,
    folders=2,
    processes=20,
    starts=1,
    large_bytes=16 << 20,
    image_bytes=512 << 20,
)


class Workspace:
    """The files of the cases: made when first asked for, then shared, unmounted at the end."""

    def __init__(self, directory: Path, sizes: Sizes, stack: ExitStack) -> None:
        """Work in `directory`, and leave to `stack` what must be unmounted."""
        self._directory = directory
        self._sizes = sizes
        self._stack = stack

    @cached_property
    def clips(self) -> list[str]:
        """The clips of a training job."""
        sizes = self._sizes
        return states.make_files(self._directory / "clips", sizes.clips, sizes.clip_bytes)

    @cached_property
    def singles(self) -> list[str]:
        """Small files, for one call each."""
        return states.make_files(self._directory / "singles", self._sizes.singles, 4096)

    @cached_property
    def many(self) -> list[str]:
        """A long list over the small files."""
        return states.many_paths(self.singles, self._sizes.many)

    @cached_property
    def tree(self) -> list[str]:
        """One directory, with as many small files in each of its folders."""
        sizes, root = self._sizes, self._directory / "tree" / "root"
        root.mkdir(parents=True)
        for number in range(sizes.folders):
            states.make_files(root / f"{number:02}", sizes.singles, 4096)
        return [str(root)]

    @cached_property
    def crowded(self) -> list[str]:
        """A large file, beside processes that do nothing until the end."""
        self._stack.enter_context(states.idle_processes(self._sizes.processes))
        return states.make_files(self._directory / "crowded", 1, peers.CROWDED_BYTES)

    @cached_property
    def large(self) -> list[str]:
        """One large file."""
        return states.make_files(self._directory / "large", 1, self._sizes.large_bytes)

    @cached_property
    def small(self) -> list[str]:
        """Some of the clips."""
        return self.clips[: self._sizes.small]

    @cached_property
    def videos(self) -> list[str]:
        """Clips of some seconds each."""
        sizes = self._sizes
        return states.make_files(self._directory / "videos", sizes.videos, sizes.video_bytes)

    @cached_property
    def _behind(self) -> list[str]:
        """What the slow file systems show."""
        sizes = self._sizes
        return states.make_files(self._directory / "behind", sizes.slow, sizes.clip_bytes)

    def slow(self, name: str, **slower: int) -> list[str]:
        """Clips on a file system whose requests take longer."""
        names = [Path(path).name for path in self._behind]
        mount = states.mounted_slowfs(self._directory / name, self._directory / "behind", **slower)
        point = self._stack.enter_context(mount)
        return [f"{point}/{name}" for name in names]

    def written(self, file_system: str) -> list[str]:
        """Files on a new file system, to be written again and again."""
        sizes = self._sizes
        mount = states.mounted_image(self._directory, file_system, sizes.image_bytes)
        point = self._stack.enter_context(mount)
        return states.make_files(point / "files", sizes.written, sizes.written_bytes)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case found: the figure that the goal speaks of, and the values it comes from."""

    figure: float
    ours: Series
    peer: Series | None


@dataclass(frozen=True, slots=True)
class Race:
    """Our contender against a peer, on the same files in the same state."""

    name: str
    what: str
    ours: Contender
    peer: Contender
    goal: Goal
    files: Callable[[Workspace], list[str]]
    prepare: Callable[[list[str]], None]
    wrong: Callable[[list[str]], int] | None = None
    """Counts the bytes that are not as they should be after a run."""
    compared: Callable[[Series], float] = attrgetter("median")

    @property
    def against(self) -> str:
        """The peer, in the table."""
        return self.peer.name

    def run(self, workspace: Workspace, runs: int) -> Outcome:
        """Measure, or raise `NotRun`."""
        paths = self.files(workspace)
        ours, peer = alternate(
            (self.ours.make(paths), self.peer.make(paths)),
            runs=runs,
            prepare=partial(self.prepare, paths),
            wrong=self.wrong and partial(self.wrong, paths),
        )
        figure = self.goal.figure(self.compared(ours), self.compared(peer))
        return Outcome(figure, ours, peer)

    def is_met(self, outcome: Outcome) -> bool:
        """Whether it is as fast as asked, and each run did all that it should."""
        return self.goal.is_met(outcome.figure) and not any(outcome.ours.wrong_bytes)


@dataclass(frozen=True, slots=True)
class Activity:
    """The part of files that counts as used again after a program has loaded and read them once."""

    name: str
    what: str
    ours: Contender
    peer: Contender
    goal: Goal
    files: Callable[[Workspace], list[str]]

    @property
    def against(self) -> str:
        """The peer, in the table."""
        return self.peer.name

    def run(self, workspace: Workspace, runs: int) -> Outcome:
        """Measure, or raise `NotRun`."""
        paths = self.files(workspace)
        ours, peer = (
            Series(tuple(self._percent(load, paths) for _ in range(runs)), unit="%")
            for load in (self.ours.make(paths), self.peer.make(paths))
        )
        return Outcome(self.goal.figure(ours.median, peer.median), ours, peer)

    def _percent(self, load: Run, paths: list[str]) -> float:
        states.cool(paths)
        load()
        states.warm(paths)
        return 100 * states.active_bytes(paths) / states.resident_bytes(paths)

    def is_met(self, outcome: Outcome) -> bool:
        """Whether the part is as small as asked."""
        return self.goal.is_met(outcome.figure)


@dataclass(frozen=True, slots=True)
class Memory:
    """The peak of memory that a call takes for each path of a long list, beside the list."""

    name: str
    what: str
    ours: Contender
    goal: Goal
    count: int

    against = "the list itself"

    def run(self, workspace: Workspace, runs: int) -> Outcome:
        """Measure, or raise `NotRun`."""
        # A process of its own for each: memory that an earlier run gave back would hide the growth.
        work = [(self.ours, workspace.singles, self.count)] * runs
        with get_context("spawn").Pool(1, maxtasksperchild=1) as fresh:
            peaks = fresh.starmap(_peak_growth, work, chunksize=1)
        ours = Series(tuple(peak / self.count for peak in peaks), unit="bytes a path")
        return Outcome(self.goal.figure(ours.median, 0), ours, None)

    def is_met(self, outcome: Outcome) -> bool:
        """Whether it takes no more than asked."""
        return self.goal.is_met(outcome.figure)


Case = Race | Activity | Memory


def _peak_growth(contender: Contender, files: list[str], count: int) -> int:
    """By how many bytes the process grew at its largest."""
    run = contender.make(states.many_paths(files, count))
    contender.make(files)()  # what the first call loads is not the list's
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from now, proc(5)
    before = _peak_bytes()
    run()
    return _peak_bytes() - before


def _peak_bytes() -> int:
    (kib,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kib) << 10


def _one_by_one(contender: Contender) -> Contender:
    """One call per file, instead of one call for the whole list."""

    def make(paths: list[str]) -> Run:
        calls = [contender.make([path]) for path in paths]

        def run() -> None:
            for call in calls:
                call()

        return run

    return Contender(contender.name, make)


def _on_a_tenth(contender: Contender) -> Contender:
    return Contender("a tenth of them", lambda paths: contender.make(paths[: len(paths) // 10]))


def _faster(times: float) -> Goal:
    return Goal(times, "x", lambda ours, peer: peer / ours, at_least=True)


def _within(times: float) -> Goal:
    return Goal(times, " times its time", lambda ours, peer: ours / peer)


def _linear(times: float) -> Goal:
    return Goal(times, " times their time a path", lambda ours, peer: ours / peer / 10)


def _extra_ms(limit: float, starts: int) -> Goal:
    return Goal(limit, " ms more a start", lambda ours, peer: (ours - peer) * 1e3 / starts)


def _microseconds(limit: float, calls: int) -> Goal:
    return Goal(limit, " us a call", lambda ours, _: ours * 1e6 / calls)


def _percent(limit: float) -> Goal:
    return Goal(limit, "%", lambda ours, _: ours)


def _bytes_a_path(limit: float) -> Goal:
    return Goal(limit, " bytes a path", lambda ours, _: ours)


def cases(sizes: Sizes) -> list[Case]:
    """The table. Nothing is made or run before a case is."""
    evict, drop, query = ours.drop_videos_cache, ours.drop, ours.query
    clips = f"{sizes.clips:,} files of 64 KiB"
    evict_clips = f"`drop_videos_cache`, {clips}"
    one_thread = f"`workers=1`, {clips}"
    one_file = "`drop_videos_cache`, one file of 4 KiB"
    slow = f"`drop_videos_cache`, {sizes.slow:,} files on FUSE, 1 ms an open"
    large = f"`drop_videos_cache`, one file of {sizes.large_bytes >> 20:,} MiB in 4 KiB folios"
    nothing = [os.devnull] * sizes.starts
    calls = len(peers.LENGTHS)

    def on_clips(name: str, what: str, contender: Contender, peer: Contender, goal: Goal) -> Race:
        wrong = None if contender is query else states.resident_bytes
        return Race(name, what, contender, peer, goal, attrgetter("clips"), states.warm, wrong)

    rows: list[Case] = [
        on_clips("resident", f"{evict_clips}, resident", evict, peers.python_loop, _faster(2.2)),
        Race(
            "not-resident",
            f"{evict_clips}, nothing resident",
            evict,
            peers.python_loop,
            _faster(2.5),
            attrgetter("clips"),
            states.cool,
        ),
        on_clips("vmtouch", evict_clips, evict, peers.vmtouch_evict, _faster(2.5)),
        on_clips("kvikio", evict_clips, evict, peers.kvikio, _faster(8)),
        on_clips("one-thread", one_thread, ours.evict_on_one_thread, peers.c_loop, _within(1.1)),
        on_clips("report", f"`drop`, {clips}", drop, evict, _within(1.3)),
        on_clips("query-fincore", f"`query`, {clips}", query, peers.fincore, _faster(4)),
        on_clips("query-vmtouch", f"`query`, {clips}", query, peers.vmtouch_query, _faster(3)),
        Race(
            "one-file",
            one_file,
            _one_by_one(evict),
            _one_by_one(peers.python_loop),
            _within(1),
            attrgetter("singles"),
            states.warm,
        ),
        Race(
            "fuse",
            slow,
            evict,
            peers.python_loop,
            _faster(15),
            methodcaller("slow", "slow_opens", open_us=1000),
            states.warm_in_parallel,
        ),
        Race(
            "large-file",
            large,
            evict,
            peers.python_loop,
            _faster(1),
            attrgetter("large"),
            states.warm_in_small_folios,
            states.resident_bytes,
        ),
    ]
    rows += [
        Race(
            f"written-{file_system}",
            f"`drop`, {sizes.written:,} files of 256 KiB just written, {label}",
            drop,
            peers.python_sync_loop,
            _faster(times),
            methodcaller("written", file_system),
            states.write_again,
            states.resident_bytes,
        )
        for file_system, label, times in (
            ("xfs", "XFS", 5),
            ("btrfs", "Btrfs", 5),
            ("ext4", "ext4", 2),
        )
    ]
    rows += _of_prefetch(sizes)
    rows += [
        Race(
            "query-directory",
            f"`query`, a directory of {sizes.folders * sizes.singles:,} files of 4 KiB",
            query,
            peers.vmtouch_query,
            _faster(2),
            attrgetter("tree"),
            states.as_it_is,
        ),
        Race(
            "import",
            f"`import accv_cache`, {sizes.starts} starts",
            ours.importing,
            peers.bare_interpreter,
            _extra_ms(10, sizes.starts),
            lambda _: nothing,
            states.as_it_is,
        ),
        Race(
            "command-line",
            f"`accv-cache query FILE`, {sizes.starts} starts",
            ours.command_line,
            peers.bare_interpreter,
            _extra_ms(90, sizes.starts),
            lambda workspace: workspace.singles[: sizes.starts],
            states.as_it_is,
        ),
    ]
    for contender in (evict, drop, query):
        what = f"`{contender.name}`, {sizes.many:,} paths"
        rows += [
            Race(
                f"many-time-{contender.name}",
                f"{what}, time",
                contender,
                _on_a_tenth(contender),
                _linear(1.2),
                attrgetter("many"),
                states.as_it_is,
            ),
            Memory(
                f"many-memory-{contender.name}",
                f"{what}, peak memory",
                contender,
                _bytes_a_path(400),
                sizes.many,
            ),
        ]
    rows.append(
        Race(
            "drop-length",
            f"`drop`, `length=`, {calls} calls beside {sizes.processes} processes",
            ours.drop_as_read,
            peers.python_loop_as_read,
            _microseconds(150, calls),
            attrgetter("crowded"),
            states.warm,
        )
    )
    return rows


def _of_prefetch(sizes: Sizes) -> list[Case]:
    whole = f"{sizes.large_bytes >> 20:,} MiB"
    videos = f"{sizes.videos} files of {sizes.video_bytes >> 20} MiB"
    fuse = f"{sizes.slow:,} files on FUSE, 1 ms an open and 1 ms a read"
    large = attrgetter("large")

    def race(  # noqa: PLR0913 - the columns of a row
        name: str,
        what: str,
        peer: Contender,
        goal: Goal,
        files: Callable[[Workspace], list[str]],
        *,
        prepare: Callable[[list[str]], None] = states.cool,
        compared: Callable[[Series], float] = attrgetter("median"),
    ) -> Race:
        return Race(
            f"prefetch-{name}",
            f"`prefetch`, {what}",
            ours.prefetch,
            peer,
            goal,
            files,
            prepare,
            states.missing_bytes,
            compared,
        )

    return [
        race("cat", f"one file of {whole}", peers.cat, _within(1), large),
        race(
            "cat-cpu",
            f"one file of {whole}, CPU",
            peers.cat,
            _faster(5),
            large,
            compared=attrgetter("median_cpu"),
        ),
        race("vmtouch", f"one file of {whole}", peers.vmtouch_touch, _within(1), large),
        race("videos", videos, peers.vmtouch_touch, _faster(1.2), attrgetter("videos")),
        race(
            "small",
            f"{sizes.small:,} files of 64 KiB",
            peers.vmtouch_touch,
            _faster(2),
            attrgetter("small"),
        ),
        race(
            "fuse",
            fuse,
            peers.vmtouch_touch,
            _faster(15),
            methodcaller("slow", "slow_reads", open_us=1000, read_us=1000),
            prepare=states.cool_in_parallel,
        ),
        race(
            "resident",
            f"{sizes.clips:,} files of 64 KiB, resident",
            ours.query,
            _within(1),
            attrgetter("clips"),
            prepare=states.warm,
        ),
        *(
            Activity(
                f"prefetch-active-{name}",
                f"`prefetch` and one read, {what}: active",
                ours.prefetch,
                peers.cat,
                _percent(5),
                attrgetter(name),
            )
            for name, what in (("large", f"one file of {whole}"), ("videos", videos))
        ),
    ]
