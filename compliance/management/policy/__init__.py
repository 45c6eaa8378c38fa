"""What `manage.py policy` can do, a module each, as in `compliance.management.audit`."""

from __future__ import annotations
