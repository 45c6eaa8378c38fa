"""The models that an appliance can serve, and the proof that their weights are unchanged.

names       what a model, an adapter and a queue may be called
weights     digests of files, and what is raised where they are not those registered
manifest    what an imported model is, byte for byte, under the gateway's signature
options     engine arguments that a manifest may carry
entry       a model as a worker serves it
shipped     the models that come with the appliance
imported    a model in the appliance's folder of models, checked against its manifest
finding     from a name to an entry

How a folder becomes a model:

survey      which of its files are taken; safetensors, gguf read the headers of weights
facts       what its files say of it
terms       its licence's text
drafting    a manifest from these and from what is said by who imports it
intake      copies and hashes, and goes on where it was killed
bundle      a model as one file
refused     why none of it happened
"""

from inference.registry.entry import Entry
from inference.registry.finding import ModelUnknown, find, held
from inference.registry.manifest import ManifestRefused
from inference.registry.names import folder_name, queue
from inference.registry.shipped import CATALOGUE, Shipped
from inference.registry.weights import (
    ModelUnusable,
    WeightsChanged,
    WeightsMissing,
    digest,
    verify,
)

__all__ = [
    "CATALOGUE",
    "Entry",
    "ManifestRefused",
    "ModelUnknown",
    "ModelUnusable",
    "Shipped",
    "WeightsChanged",
    "WeightsMissing",
    "digest",
    "find",
    "folder_name",
    "held",
    "queue",
    "verify",
]
