"""What compliance stores.

applications   Application, APIKey: who may call, on which legal ground, and what is kept of it
places         Site: where a request may be processed
policies       PolicyVersion, PolicyDraft, PolicySignature, ApprovalKey: versions of the policy,
               and who signed for them
record         Event, Leaf, LogHead, Generation, Pruning, WriterEpoch, NotaryCursor: the log
               and its bookkeeping
contents       Content, ContentBucket, ContentSubject, Erasure: what is kept beside the log
holds          Hold: requests that wait for a person
exports        Export, PackAnswer: runs of exports, and what officers typed into packs
simulations    Simulation: replays of recorded facts against another policy
verification   Verification: runs of "Verify the log" that the console started
changes        Change, Alarm, Configuration: what happened behind the record's back, what an
               officer must look into, and which configuration was last recorded
witnesses      WitnessedLog, Witness, Cosignature, WitnessPolicy: who watches over which log
revision       Revision: a counter that moves when anything the hot path caches changes
"""

from compliance.models.applications import APIKey, Application
from compliance.models.changes import Alarm, Change, Configuration
from compliance.models.contents import Content, ContentBucket, ContentSubject, Erasure
from compliance.models.exports import Export, PackAnswer
from compliance.models.holds import OPEN, Hold
from compliance.models.places import Site
from compliance.models.policies import (
    ApprovalKey,
    PolicyDraft,
    PolicySignature,
    PolicyVersion,
)
from compliance.models.record import (
    Event,
    Generation,
    Leaf,
    LogHead,
    NotaryCursor,
    Pruning,
    WriterEpoch,
)
from compliance.models.revision import Revision
from compliance.models.simulations import Simulation
from compliance.models.verification import Verification
from compliance.models.witnesses import Cosignature, Witness, WitnessedLog, WitnessPolicy

__all__ = [
    "OPEN",
    "APIKey",
    "Alarm",
    "Application",
    "ApprovalKey",
    "Change",
    "Configuration",
    "Content",
    "ContentBucket",
    "ContentSubject",
    "Cosignature",
    "Erasure",
    "Event",
    "Export",
    "Generation",
    "Hold",
    "Leaf",
    "LogHead",
    "NotaryCursor",
    "PackAnswer",
    "PolicyDraft",
    "PolicySignature",
    "PolicyVersion",
    "Pruning",
    "Revision",
    "Simulation",
    "Site",
    "Verification",
    "Witness",
    "WitnessPolicy",
    "WitnessedLog",
    "WriterEpoch",
]
