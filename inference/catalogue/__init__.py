"""Open models that people deploy, as their publishers describe them, and kinds of GPU.

Data in the `*.toml` beside this file: `licences`, `gpus`, and a file for each family. It says
what to get, under which terms, and which engine arguments to give; nothing here loads weights.
Models that an appliance has are in its registry.

reading     the data, checked as it is read
words       the same in sentences
"""

from inference.catalogue.reading import (
    CatalogueInvalid,
    Licence,
    Published,
    Unknown,
    Weights,
    gpu,
    gpus,
    licences,
    model,
    models,
)

__all__ = [
    "CatalogueInvalid",
    "Licence",
    "Published",
    "Unknown",
    "Weights",
    "gpu",
    "gpus",
    "licences",
    "model",
    "models",
]
