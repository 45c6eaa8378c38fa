"""Logins by password; one that is stored in an older way is stored anew, on the record."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import check_password
from django.http import HttpRequest

from compliance.admin.recording import record
from compliance.audit.changes import recorded


class PasswordBackend(ModelBackend):
    """As Django's, whose own way to store a password anew no event would speak of."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_more: Any,
    ) -> Any:
        """The user of this name and password, if there is one who may log in."""
        if username is None or password is None:
            return None
        user = get_user_model().objects.filter(username=username).first()
        if user is None:
            get_user_model()().set_password(password)  # takes as long as for a known name
            return None

        def store(given: str) -> None:
            user.set_password(given)  # slow by design, so before the transaction
            with recorded():
                user.save(update_fields=["password"])
                record(username, "user.password_rehashed", {"user": username}, about=user)

        known = check_password(password, user.password, store)
        return user if known and self.user_can_authenticate(user) else None
