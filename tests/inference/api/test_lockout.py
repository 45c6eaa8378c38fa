"""Guesses of a password, by a caller that claims another address for each."""

from __future__ import annotations

import re

import httpx

from tests.inference.api.laboratory import Laboratory
from tests.services.waiting import PATIENCE


def test_a_claimed_address_does_not_evade_the_lockout(lab: Laboratory):
    with httpx.Client(base_url=lab.url, follow_redirects=True, timeout=PATIENCE) as browser:
        page = browser.get("/console/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token is not None
        statuses = [
            browser.post(
                "/console/login/",
                data={
                    "csrfmiddlewaretoken": token[1],
                    "username": "admin",
                    "password": f"wrong {number}",
                },
                headers={"X-Forwarded-For": f"192.0.2.{number}"},
            ).status_code
            for number in range(6)
        ]
    assert statuses[:4] == [200] * 4
    assert statuses[-1] == 429
