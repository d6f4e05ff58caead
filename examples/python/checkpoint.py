"""Evict a checkpoint that was just written, and one that was just loaded.

Usage: python checkpoint.py model.pt
"""

import os
import sys
from pathlib import Path

from accv_cache import drop

path = Path(sys.argv[1])

with path.open("wb") as file:
    file.write(os.urandom(8 << 20))  # torch.save(model.state_dict(), file)
    file.flush()
    os.fsync(file.fileno())  # so that it survives a power failure
report = drop(path)  # without fsync, too: it waits until what is dirty is written
report.raise_for_status()
print(f"written: {report}")

weights = path.read_bytes()  # torch.load(path, mmap=False)
print(f"loaded {len(weights)} bytes: {drop(path)}")
