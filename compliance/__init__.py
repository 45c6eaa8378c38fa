"""What may happen, and the proof of what did. Knows nothing of inference.

vocabulary   the frozen values and protocols that everyone speaks
detection/   text -> findings; findings -> masked or pseudonymised text, and back
policy/      rules, and the pure function that decides
audit/       the record: entries, the Merkle log, writers, the notary
evidence/    exports, and the verifier that runs without us
holds/       requests that wait for a person
gate/        admit(): detect, decide, record, then seal
models/      what is stored; admin/ and templates/ show it
"""
