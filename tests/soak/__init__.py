"""Long runs, and their short form in `make test`: kills and mutants, all from one seed.

children   processes to be killed: writer, notary, export, erasure
kills      forks them from one that has loaded everything, kills them, and judges what is left
mutants    changed logs and proofs, of which none may be accepted
"""
