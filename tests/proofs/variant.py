"""The worker's app with other settings of Celery: `celery -A tests.proofs.variant`, VARIANT holding them as JSON."""

from __future__ import annotations

import json
import os

from worker.app import app

__all__ = ["app"]

app.conf.update(json.loads(os.environ["VARIANT"]))
