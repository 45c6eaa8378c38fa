"""Evidence: parts of the log that others can verify without us, offline.

bundle    writes the ZIP
extent    which entries a range of numbers or times means
proof     what ties a range of entries to a checkpoint
verify    the stand-alone verifier that goes into the ZIP; standard library only
"""
