"""Evidence: parts of the log that others can verify without us, offline.

bundle    writes the ZIP
extent    which entries a range of numbers or times means
proof     what ties a range of entries to a checkpoint
forms     what can be exported, and how each form is checked and made
runs      exports begun, cancelled and removed; running carries them out
shelf     the folder of finished exports, and who works at which
verify    the stand-alone verifier that goes into the ZIP; standard library only
"""
