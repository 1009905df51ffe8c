"""A metric that takes its time, from outside of the suite."""

import json
import os
import time
from pathlib import Path


def wait(means):
    """Say that scoring has begun, and go on for minutes."""
    Path(json.loads(os.environ["DISBENCH_TEST"])["marker"]).touch()
    time.sleep(600)
    return 0.0
