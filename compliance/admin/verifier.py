"""The verifier of evidence as a page of the console: `verify.html`, as it lies in every export.

It reads the file that the officer picks, in the browser. The page's own policy, which is also
sent as a header, forbids every connection: nothing can be uploaded.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from compliance.admin.site import console

_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')


def urls() -> list[URLPattern]:
    """For whoever may log in: it shows nothing of this appliance."""
    return [path("verifier/", console.admin_view(verifier_view), name="verifier")]


console.pages.append(urls)


@lru_cache(maxsize=1)
def _page() -> tuple[str, str]:
    """The page, and its policy."""
    text = files("compliance.evidence").joinpath("verify.html").read_text("utf-8")
    found = _POLICY.search(text)
    if found is None:
        raise RuntimeError("verify.html has no policy of its own; install Domicile again.")
    return text, f"{found[1]}; frame-ancestors 'none'"


@require_safe
def verifier_view(request: HttpRequest) -> HttpResponse:
    """The page; as a file to keep with `?download`."""
    text, policy = _page()
    answer = HttpResponse(text, headers={"Content-Security-Policy": policy})
    if "download" in request.GET:
        answer.headers["Content-Disposition"] = 'attachment; filename="verify.html"'
    return answer
