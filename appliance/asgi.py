"""The ASGI application that `manage.py web` serves."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
django.setup()

from django.conf import settings  # noqa: E402 - models may be imported only after the set-up

from appliance.front import Front  # noqa: E402

application = Front(settings.DOMICILE)
