"""Gives the tests a data folder of their own, before Django's settings are read.

Hundreds of processes are started: what they import is compiled once, whoever forbade that.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.services.temporary import in_memory

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

in_memory()

KEPT = {"DOMICILE_TEST_DATA", "DOMICILE_DATABASE_URL", "DOMICILE_SEED", "DOMICILE_KILLS"}

if "DOMICILE_TEST_DATA" not in os.environ:
    folder = Path(tempfile.mkdtemp(prefix="domicile-test-"))
    os.environ["DOMICILE_TEST_DATA"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
for name in [name for name in os.environ if name.startswith("DOMICILE_")]:
    if name not in KEPT:
        del os.environ[name]
data = Path(os.environ["DOMICILE_TEST_DATA"], os.environ.get("PYTEST_XDIST_WORKER", "alone"))
data.mkdir(exist_ok=True)
os.environ["DOMICILE_DATA"] = str(data)
