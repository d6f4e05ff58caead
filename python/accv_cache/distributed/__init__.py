"""Drop, query and prefetch on every node of a job.

`accv_cache.distributed.torch` works inside a job that torchrun started, and
`accv_cache.distributed.ray` from a driver of Ray. Each has a function `on_each_node`, which returns
`NodeReports`. An engine is imported when its function is called.
"""

from accv_cache.distributed.node_reports import NodeError, NodeReports

__all__ = ["NodeError", "NodeReports"]
