"""A counter that moves when anything that the hot path caches changes."""

from __future__ import annotations

from django.db import models


class Revision(models.Model):
    """One row. Triggers on the governed tables add one, so raw SQL moves it too."""

    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)
