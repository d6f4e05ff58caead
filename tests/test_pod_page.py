"""What docs/is-it-the-page-cache.md shows for a pod: its loop, and its program without Python."""

import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import accv_cache
from support.command import COMMAND
from support.needs import need
from support.residency import PAGE, dirty, resident_bytes

ROOT = Path(__file__).parents[1]
PAGE_OF_PODS = (ROOT / "docs" / "is-it-the-page-cache.md").read_text()
MIB = 1 << 20

# In place of sleep(1): says that it is reached, and goes on when it is told to.
SLEEP = "#!/bin/sh\necho asleep\nread -r line <go\n"
TRAIN = "print('training', flush=True); input()"


def the_only(pattern: str) -> str:
    """The only place of the page that matches."""
    [found] = re.findall(pattern, PAGE_OF_PODS, re.DOTALL | re.MULTILINE)
    return str(found)


def output_of(*command: str | Path) -> str:
    """Run the program, and return what it writes."""
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def test_the_loop_keeps_files_within_a_size(tmp_path: Path) -> None:
    need("sh")
    script = textwrap.dedent(the_only(r"^args:\n  - \|\n(.*?)^```$"))
    for shown, here in (("/data/videos", "videos"), ("--until 25%", "--until 3M")):
        assert shown in script
        script = script.replace(shown, here)
    clips = [tmp_path / "videos" / f"{number}.mp4" for number in range(8)]
    clips[0].parent.mkdir()
    for number, clip in enumerate(clips):
        dirty(clip, MIB)
        os.utime(clip, (number, number))  # the first was read first
    (tmp_path / "train.py").write_text(TRAIN)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sleep").write_text(SLEEP)
    (programs / "sleep").chmod(0o755)
    (programs / "python").symlink_to(sys.executable)
    os.mkfifo(tmp_path / "go")
    places = f"{programs}:{Path(COMMAND).parent}:{os.environ['PATH']}"
    with subprocess.Popen(
        ["sh", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": places},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as pod:
        assert pod.stdout is not None
        try:
            started = {pod.stdout.readline(), pod.stdout.readline()}
            assert started == {"training\n", "asleep\n"}
            assert sum(map(resident_bytes, clips)) > 3 * MIB
            (tmp_path / "go").write_text("on\n")
            assert pod.stdout.readline() == "asleep\n"
            # Those read last are still there, unless the kernel took them.
            assert [resident_bytes(clip) for clip in clips[:5]] == [0] * 5
        finally:
            os.killpg(pod.pid, signal.SIGKILL)


def test_the_program_runs_where_nothing_else_is(tmp_path: Path) -> None:
    need("c++", "readelf")
    (tmp_path / "evict.cpp").write_text(the_only(r"^```cpp\n(.*?)^```$"))
    command = the_only(r"^RUN (c\+\+ .*?)$")
    for shown, here in (("-I/include", f"-I{accv_cache.get_include()}"), ("/evict ", "evict ")):
        assert shown in command
        command = command.replace(shown, here)
    subprocess.run(shlex.split(command), cwd=tmp_path, check=True)
    clip = tmp_path / "clip.mp4"
    dirty(clip, 4 * PAGE)
    program = tmp_path / "evict"
    assert "LOAD" in output_of("readelf", "--segments", program)
    assert "INTERP" not in output_of("readelf", "--segments", program)
    assert output_of(program, clip) == f"evicted {4 * PAGE} bytes in 1 files\n"
    assert resident_bytes(clip) == 0
