"""`torchrun … -m accv_cache.distributed`: drop, query or prefetch on each node of the job."""

import sys

from accv_cache.__main__ import run_commands

if __name__ == "__main__":
    sys.exit(run_commands("accv_cache._cli.nodes"))
