"""Verifiers that we did not write, held against what our log signs and proves.

cases       checkpoints, inclusion and consistency proofs from our own code, and mutants of them
verifiers   who judges them, and how each is asked
install     environments of their own for them, under build/foreign (`make foreign`)
summary     says at the end of a run who did not judge, and why
"""
