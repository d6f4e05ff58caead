"""The exit codes of the command line, in one place: the help and the man page quote them."""

STAYED = 5
USAGE = 64  # EX_USAGE of sysexits.h; 2, which click would take, means FILE_OPEN_FAILED
MISSING_EXTRA = 69  # EX_UNAVAILABLE of sysexits.h, which `os` has on Unix only
INTERRUPTED = 130  # what a shell reports after Ctrl-C: 128 + SIGINT
PIPE_CLOSED = 141  # what it reports of a program whose reader went away: 128 + SIGPIPE

# 0 to 4 are the values of DropCacheStatus.
MEANINGS = {
    0: "all done",
    1: "this is not Linux",
    2: "a file cannot be opened",
    3: "a file was not evicted",
    4: "another error",
    STAYED: "with --verify: something that can be evicted stayed",
    USAGE: "wrong usage",
    MISSING_EXTRA: "a package is not installed",
    INTERRUPTED: "interrupted by Ctrl-C",
    PIPE_CLOSED: "the reader of the output went away",
}
