"""Warm the next clips of any loop, and let those that were used go.

Usage: python next_clips.py clip*.mp4
"""

import sys
from pathlib import Path

from accv_cache import CacheBudget, query, read_ahead

clips = sys.argv[1:]
# What is resident now stays. Without `keep`, what is read ahead would be there before its use.
budget = CacheBudget(8 << 30, keep=query(clips, spans=True))
# The next 8, but no more than 2 GiB ahead of the loop.
for clip in read_ahead(clips, lambda clip: clip, depth=8, max_bytes=2 << 30):
    with budget.use(clip):
        data = Path(clip).read_bytes()  # decode it here
    print(f"{clip}: {len(data)} bytes; all hold {query(clips).known_resident_bytes} bytes")
budget.close()  # evicts what they still hold
print(f"in the end they hold {query(clips).known_resident_bytes} bytes")
