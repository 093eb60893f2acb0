"""Flower's configuration: the operator's pages. `worker.app` names this file, unless FLOWER_CONF or --conf does.

Whoever has a configuration file of their own puts these two lines into it.
"""

from worker.monitor import install

install()
