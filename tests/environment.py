"""Gives the tests a data folder of their own, before Django's settings are read."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

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
