from tests.compliance.admin.conftest import console

__all__ = ["console"]
