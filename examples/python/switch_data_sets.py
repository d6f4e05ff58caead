"""Switch data sets: evict the old one, and load the new one before the first batch needs it.

Usage: python switch_data_sets.py OLD NEW
"""

import sys

from accv_cache import drop, prefetch

old, new = sys.argv[1:]
print(drop(old))
# As much as fits. Without `on_limit`, what does not fit as a whole is a LimitError.
print(prefetch(new, on_limit="stop"))
