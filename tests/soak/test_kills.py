"""`kill -9` of writer, notary, export and erasure at random points; nothing is lost or half.

`DOMICILE_SEED=… DOMICILE_KILLS=…` replays a run: the same victims after the same pauses.
"""

import os
import subprocess
import sys

import pytest

from tests.chaos import plan

pytestmark = [pytest.mark.database, pytest.mark.chaos]

KILLS = 30
PARTS, SOAK_KILLS = 10, 100  # so 1,000 on each database


def killed(database, folder, seed, kills):
    replay = f"DOMICILE_SEED={seed} DOMICILE_KILLS={kills}"
    print(f"\n{replay}")  # noqa: T201 - it replays the run
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.kills", str(folder), str(seed), str(kills)],
        env=database.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)  # noqa: T201
    assert done.returncode == 0, f"{replay}\n{done.stdout}{done.stderr[-3000:]}"
    return done.stdout


def test_kills_at_random_points_lose_nothing_and_leave_nothing_half(database, tmp_path):
    kills = int(os.environ.get("DOMICILE_KILLS", KILLS))
    said = killed(database, tmp_path / "data", plan.seed(), kills)
    assert said.startswith(f"{kills} kills")


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_thousand_kills_lose_nothing_and_leave_nothing_half(database, tmp_path, part):
    kills = int(os.environ.get("DOMICILE_KILLS", SOAK_KILLS))
    killed(database, tmp_path / "data", plan.fresh_seed() + part, kills)
