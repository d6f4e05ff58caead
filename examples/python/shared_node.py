"""Pass through a data set on a node that is shared, and keep what was resident before.

Usage: python shared_node.py DIRECTORY
"""

import sys
from pathlib import Path

from accv_cache import drop, query

directory = Path(sys.argv[1])
before = query(directory, spans=True)  # belongs to somebody
print(f"before: {before}")
for path in directory.rglob("*"):
    if path.is_file():
        path.read_bytes()  # the job
print(drop(directory, keep=before))  # what came in since, exact to the page
print(f"after: {query(directory)}")
