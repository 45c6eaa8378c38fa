"""What may happen, and the proof of what did. Knows nothing of inference.

vocabulary   the frozen values and protocols that everyone speaks
detection/   text -> findings; findings -> masked or pseudonymised text, and back
policy/      rules, the pure function that decides, and what can be proved and tried of them
versions/    which version of the policy counts: what people sign, and the chain it makes
proving      proofs in a process of their own; registered: what they take for given
simulation/  a policy replayed on what was recorded
audit/       the record: entries, the Merkle log, writers, the notary
evidence/    exports, and the verifier that runs without us
holds/       requests that wait for a person
gate/        admit(): detect, decide, record, then seal
models/      what is stored; admin/ and templates/ show it
"""
