"""Whether as many nodes can serve a model as an operator wants; for `doctor`."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.env import Environment
from appliance.finding import Finding, ok, warning
from inference import lately
from inference.deploying import standing
from inference.models import Deployment, Node


def placed(_environment: Environment) -> Iterator[Finding]:
    """A deployment each."""
    rows = Deployment.objects.filter(active=True).select_related("model__base", "site")
    said = lately.said(Node.objects.all()) if rows else {}
    for row in rows:
        found = standing(row, said)
        if found.whole:
            yield ok(f"deployment {row}", found.words)
        else:
            mend = (
                f"Then: manage.py models deploy {row.model} --site {row.site.name}. A node "
                "that a person chose keeps its place until that placement is deactivated."
            )
            yield warning(f"deployment {row}", found.words, mend)
