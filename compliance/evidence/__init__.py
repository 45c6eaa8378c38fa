"""Evidence: parts of the log that others can verify without us, offline.

bundle    writes the ZIP; archive packs it
scope     what was asked for, and what came of it; choice: which checkpoint, range and
          applications that means
passing   one pass over the range, for which rows reads the log
hints     which entry was changed: seven bits of each leaf hash
removed   details that a rule removed, and the events that say so
views     tables and report beside the evidence
paper     what is on paper: PDF/A-3, signed; of reports and packs
extent    which entries a range of numbers or times means
proof     what ties a range of entries to a checkpoint
forms     what can be exported, and how each form is checked and made
runs      exports begun, cancelled and removed; running carries them out
shelf     the folder of finished exports, and who works at which
verify    the verifiers that go into the ZIP: .py with the standard library only, .html for
          a browser; schemas lie beside them
"""
