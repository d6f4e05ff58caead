"""The exit codes of the command line, as the help and the documents show them."""

NOT_LINUX = 1
STAYED = 5
NO_ROOM = 6
USAGE = 64  # EX_USAGE of sysexits.h; 2, which click would take, means FILE_OPEN_FAILED
MISSING_EXTRA = 69  # EX_UNAVAILABLE of sysexits.h, which `os` has on Unix only
UNFORESEEN = 70  # EX_SOFTWARE; 1, which Python would take, means PLATFORM_ERROR
NOT_WRITTEN = 74  # EX_IOERR
INTERRUPTED = 130  # what a shell reports after Ctrl-C: 128 + SIGINT
PIPE_CLOSED = 141  # what a shell reports after SIGPIPE: 128 + SIGPIPE

# 0 to 4 are the values of DropCacheStatus.
MEANINGS = {
    0: "all done",
    NOT_LINUX: "this is not Linux",
    2: "a file cannot be opened",
    3: "a file was not evicted",
    4: "another error",
    STAYED: "with --verify: something stayed or is unknown, or there was no file",
    NO_ROOM: "prefetch: not everything fits into memory, and nothing was loaded",
    USAGE: "wrong usage",
    MISSING_EXTRA: "a package is not installed",
    UNFORESEEN: "an error in accv-cache itself; please report it",
    NOT_WRITTEN: "the output cannot be written",
    INTERRUPTED: "interrupted by Ctrl-C",
    PIPE_CLOSED: "the reader of the output went away",
}
