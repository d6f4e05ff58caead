"""Every Python, C++ and shell block of the README and the documentation runs, where it stands."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import accv_cache
from support.command import COMMAND
from support.files import MakeOnce, bring_into
from support.needs import need
from support.residency import PAGE
from support.verbs import VERBS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# Lines of shell blocks that this test cannot run, and where each is run.
ELSEWHERE = {
    "pip install '.[demo]' && accv-cache demo": "the gate: it installs",
    "pip install '.[test]' && pytest": "the gate: it installs",
    "pip install '.[cli]'": "the gate: it installs",
    'eval "$(accv-cache completion zsh)"': "test_cli.py: in zsh",
    "cmake -S . -B build -DACCV_CACHE_BUILD_TESTS=ON && cmake --build build": "the gate",
    "ctest --test-dir build --verbose -R 'allocations|faults|races|fuzz'": "the gate",
    "pytest tests/reliability": "the gate",
    "python tests/reliability/soak.py --seconds 600": "the gate: shorter",
    "ACCV_CACHE_FUZZ_RUNS=1000000 build/tests/cpp/tests_of_calls --source-file='*/test_fuzz.cpp'": (
        "the gate: shorter"
    ),
    "ACCV_CACHE_FUZZ_EXAMPLES=100000 pytest tests/reliability/test_fuzz.py": "the gate: shorter",
}


_SUPPLIED: dict[str, object] = {
    "clip": "clip.mp4",
    "epoch": [["old/clip1.mp4"], ["clip.mp4"]],
    "items": [("old/clip1.mp4", 0), ("clip.mp4", 0), ("old/clip1.mp4", 1)],
    "train": len,
    "train_on": lambda clip, start: (clip, start),
}


class Block(NamedTuple):
    """A fenced block of code; `line` is the first line inside the fence."""

    page: Path
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def _blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text()
        for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, found.start()) + 2
            yield Block(page, line, found[1], found[2])


def _blocks_of(language: str) -> list[Block]:
    return [block for block in _blocks() if block.language == language]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with every file that the documents name, where the test is."""
    for name in (
        "clip.mp4",
        "new/clip.mp4",
        "old/clip1.mp4",
        "old/clip2.mkv",
        "weights/model.safetensors",
        "data/old/clip.mp4",
        "data/videos/epoch1/clip.mp4",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        bring_into("warm", path, 4 * PAGE)
    for program in ("benchmark", "server"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    (tmp_path / ".config/fish/completions").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _placed(code: str, world: Path) -> str:
    """The code, with its absolute paths below `world`."""
    return code.replace("/data/", f"{world}/data/")


@pytest.mark.parametrize("block", _blocks_of("python"), ids=str)
def test_python_runs(block: Block, world: Path) -> None:
    program = compile("\n" * (block.line - 1) + _placed(block.code, world), block.page, "exec")
    # What the reader of the page must supply.
    exec(program, _SUPPLIED.copy())  # noqa: S102


# The blocks are functions of one program, since each alone would compile the library again.
_MAIN = """
#include <string>

int run(int (*block)()) { return block(); }
int run(int (*block)(int, char**)) {
    char name[] = "block";
    char* arguments[] = {name, nullptr};
    return block(1, arguments);
}

int main(int, char** arguments) {
    const std::string name = arguments[1];
"""


@pytest.fixture(scope="module")
def cpp_blocks(made_once: MakeOnce) -> Path:
    """A program that runs the C++ block that its argument names."""
    need("c++")
    return made_once("blocks", _compile_blocks) / "blocks"


def _compile_blocks(directory: Path) -> None:
    # What includes less comes first, so that no block needs what another includes.
    blocks = sorted(_blocks_of("cpp"), key=lambda block: block.code.count("#include"))
    program, calls = "", ""
    for number, block in enumerate(blocks):
        # A function of another name than main must return something.
        code = re.sub(r"\}\s*\Z", " return 0; }", _placed(block.code, Path()))
        program += f'#define main block_{number}\n#line {block.line} "{block.page}"\n{code}\n'
        program += "#undef main\n"
        calls += f'    if (name == "{block}") return run(block_{number});\n'
    source = directory / "blocks.cpp"
    source.write_text(f"{program}{_MAIN}{calls}    return 127;\n}}\n")
    options = ["-std=c++17", "-Wall", "-Wextra", f"-I{accv_cache.get_include()}", "-pthread"]
    built = subprocess.run(
        ["c++", *options, source, "-o", directory / "blocks"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stderr) == (0, "")


@pytest.mark.parametrize("block", _blocks_of("cpp"), ids=str)
@pytest.mark.usefixtures("world")
def test_cpp_runs(block: Block, cpp_blocks: Path) -> None:
    ended = subprocess.run([cpp_blocks, str(block)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def _lines() -> list[tuple[Block, str]]:
    """Each command of the shell blocks, without its comment."""
    found = []
    for block in _blocks_of("sh"):
        for number, line in enumerate(block.code.replace("\\\n", " ").splitlines()):
            command = re.sub(r"(^|\s+)#.*$", "", line)
            if command:
                found.append((block._replace(line=block.line + number), command))
    return found


def test_what_runs_elsewhere_stands_in_a_document() -> None:
    assert ELSEWHERE.keys() <= {command for _, command in _lines()}


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_of_cpp_has_the_header_of_each_verb(verb: str) -> None:
    page = (ROOT / "docs" / "cpp.md").read_text(encoding="utf-8")
    assert f"| `<accv_cache/{verb}.hpp>` | `{verb}`" in page


@pytest.mark.parametrize(
    ("block", "command"),
    [(block, command) for block, command in _lines() if command not in ELSEWHERE],
    ids=lambda value: str(value) if isinstance(value, Block) else value,
)
def test_shell_runs(block: Block, command: str, world: Path) -> None:
    with subprocess.Popen(
        ["bash", "-e", "-o", "pipefail", "-c", _placed(command, world)],
        env={
            **os.environ,
            "PATH": f"{Path(COMMAND).parent}:{os.environ['PATH']}",
            "HOME": str(world),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        if "--watch" in command:  # which runs until Ctrl-C
            assert process.stdout.readline() != ""
            os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate()
    expected = 128 + signal.SIGINT if "--watch" in command else 0
    assert process.returncode in {expected, -signal.SIGINT}, f"{block}: {errors}"
