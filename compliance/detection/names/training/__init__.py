"""How the weights of the names model came about; needs the development dependencies.

sources    names of persons, towns, countries and months, per language
places     streets, addresses, regions and organisations, per language
inflect    their endings in the languages that inflect names
sentences  sentences with slots, per language
slots      sentences with their slots filled
plain      text in which nobody is named: source code, messages of programs, logs, prompts
corpus     everything to train on, as arrays in one file
fit        arrays -> weights (PyTorch)
export     weights -> the files that `compliance.detection.names.model` loads
score      F1 per language, exact spans

In this order:

    python -m compliance.detection.names.training.corpus CORPORA corpus.npz
    python -m compliance.detection.names.training.fit corpus.npz weights.npz
    python -m compliance.detection.names.training.export corpus.npz weights.npz
    python -m compliance.detection.names.training.score HELD_OUT...
"""

LANGUAGES = (
    *("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr"),
    *("hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv"),
)
"""The official languages of the European Union (ISO 639-1)."""
