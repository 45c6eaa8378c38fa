"""The control plane's addresses."""

from django.urls import path
from django.views.generic import RedirectView

from compliance.admin.site import console

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("console/", console.urls),
]
