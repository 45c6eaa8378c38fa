"""What compliance stores.

applications   Application, APIKey: who may call, and on which legal ground
places         Site: where a request may be processed
policies       PolicyVersion: immutable versions of the policy
record         Event, Leaf, LogHead, WriterEpoch, NotaryCursor: the log and its bookkeeping
verification   Verification: runs of "Verify the log" that the console started
revision       Revision: a counter that moves when anything the hot path caches changes
"""

from compliance.models.applications import APIKey, Application
from compliance.models.places import Site
from compliance.models.policies import PolicyVersion
from compliance.models.record import Event, Leaf, LogHead, NotaryCursor, WriterEpoch
from compliance.models.revision import Revision
from compliance.models.verification import Verification

__all__ = [
    "APIKey",
    "Application",
    "Event",
    "Leaf",
    "LogHead",
    "NotaryCursor",
    "PolicyVersion",
    "Revision",
    "Site",
    "Verification",
    "WriterEpoch",
]
