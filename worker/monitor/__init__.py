"""The operator's pages, as part of Flower: Activity, Error Logs, Manual Sync, and Re-run on a task's own page.

Flower executes its configuration file before it builds its application; ours installs the pages (see `flowerconfig`).
They go behind Flower's own login and use its look. Its internals are used here and nowhere else, so Flower is pinned.
"""

from __future__ import annotations

from worker.monitor.install import install

__all__ = ["install"]
