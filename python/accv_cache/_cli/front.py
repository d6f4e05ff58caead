"""The first screen of the command line; it needs no other package."""

from accv_cache._exit_codes import MEANINGS

NAME = "accv-cache"

COMPLETION_VARIABLE = "_ACCV_CACHE_COMPLETE"
"""A shell sets it to request completions."""

COMMANDS = {
    "query": "See how much of files is in the page cache.",
    "prefetch": "Read files into the page cache before they are needed.",
    "drop": "Evict files from the page cache.",
    "demo": "Watch video clips leave the page cache.",
    "completion": "Print the completion script of a shell.",
}
"""The commands, the most used first, and the first sentence of the help of each."""

_HELP = """\
Usage: {name} COMMAND [OPTIONS] [PATH]...

Evict files from the page cache of Linux, and see what is in it and why it
stays. Needs no root: whoever may read a file may evict it.

Examples:
  accv-cache query videos/             how much of each file is in memory
  accv-cache drop videos/ --explain    evict them; what stayed, and who holds it
  accv-cache prefetch next/            read what comes next, if it fits
  accv-cache query --cgroup            what fills the memory limit of this pod

Commands:
{commands}

Options:
  -h, --help  Show this, or the help of a command, and exit.
  --version   Show the version and exit.

Exit codes:
{codes}"""


def first_screen() -> str:
    """The text of `accv-cache --help`."""
    commands = "\n".join(f"  {name:<11} {text}" for name, text in COMMANDS.items())
    codes = "\n".join(f"  {code:>3}  {means}" for code, means in MEANINGS.items())
    return _HELP.format(name=NAME, commands=commands, codes=codes)
