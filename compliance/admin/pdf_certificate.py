"""The certificate that signs PDF reports and packs: shown, and handed out.

It is no secret: whoever may log in may see it, and each export with a report holds it.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_GET

from compliance.admin.site import console
from compliance.audit.keys import KeyUnusable
from compliance.evidence.paper import certificate
from compliance.evidence.paper.certificate import Signer


def urls() -> list[URLPattern]:
    """The addresses of these views."""
    return [
        path("certificate/", console.admin_view(page_view), name="pdf_certificate"),
        path(
            "certificate/certificate.pem",
            console.admin_view(file_view),
            name="pdf_certificate_file",
        ),
    ]


console.pages.append(urls)


def _found() -> tuple[Signer | None, str]:
    """The certificate, whatever its time; or what is wrong with it."""
    try:
        return certificate.configured(settings.DOMICILE), ""
    except KeyUnusable as error:
        return None, str(error)


@require_GET
def page_view(request: HttpRequest) -> HttpResponse:
    """Whom it names, how long it lasts, and how it is compared."""
    signer, problem = _found()
    left = signer.expires - timezone.now() if signer else None
    return console.page(
        request,
        "admin/pdf_certificate.html",
        "Certificate of PDFs",
        signer=signer,
        problem=problem,
        over=left is not None and left.total_seconds() <= 0,
        soon=left is not None and left < certificate.SOON,
    )


@require_GET
def file_view(_request: HttpRequest) -> HttpResponse:
    """The certificate and those above it, as PEM; 404 where there is none."""
    signer, problem = _found()
    if signer is None:
        return HttpResponse(
            f"{problem}\n", status=404, content_type="text/plain; charset=utf-8"
        )
    answer = HttpResponse(signer.pem, content_type="application/x-pem-file")
    answer.headers["Content-Disposition"] = 'attachment; filename="certificate.pem"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
