"""The record: a log that nobody can quietly change.

entry        an event as the bytes that are committed to
merkle       RFC 6962 tree hashing and proofs
tiles        C2SP tlog-tiles: the tree as files
checkpoint   C2SP tlog-checkpoint and signed-note
writer       many callers, one durable commit
setbacks     what becomes of a writer's events where they are not taken
waiting      its callers; epoch: its life and numbers; storage: its way into the database
journal      events inside the caller's own transaction (console, notary, commands)
handover     one key of the log hands over to the next; which key signs at which size
ring         the log's private keys, and those of a rotation under way
token        the log's key on a token (PKCS#11)
rotation     the rotation of the log's key, from its event to the old key's end
notary       integrates events into the tree and signs checkpoints
signing      by which keys; replay: the notary's tree, found again after a start
leader       one notary leads; leases: ends what dead writers left; ledger: its statements
files        the log's folder: durable before anything is said of it; holding: one at a time
retention    how long details and contents are kept; prunes once a day
pruning      finds what is due, permits and removes it, a little at a time; due: where it lies
pruned       what the log says of details that are gone; kept: those that never go
triggers     keep the record insert-only; capture: note changes of governed tables
changes      changes that no event speaks of; watch: looks for them; alarms: for officers
catalogue    every type of event; members: what stands in their details
configuration  what a process runs with, on the record; installation: rows of which there is one
verify       the whole log, checked, in plain words; walk: its tree; columns: its entries
findings     what such a check found
owners       whose each event is: labels, columns and registrations agree
keys         key files
keystore     the vault: bucket keys, and the list of what was erased
contents     what is kept of a request, written down
vault        content, encrypted and opened
keeping      content, stored in the transaction of its event
subjects     persons' identifiers as blind index values
asking       what an erasure is about
erasure      erases content by destroying keys; expires it; does it again after a restore
certificate  what a person is told who had content erased
caretaker    erasures that were asked for, and what is past its time: the work of `records`
copies       checkpoints outside of the database, by which a restore shows
generation   the log's next generation, after a restore that lost entries
mldsa        a checkpoint's second signature, by ML-DSA-44; second_key: which key the log names
cosignature  C2SP tlog-cosignature: a witness's word on a checkpoint
submission   C2SP tlog-witness: what a log sends to a witness
witness      this appliance as a witness of other logs; followed: when their keys rotate
asker        has this log cosigned; cosigned: what came of it; conflicts: what stands against it
witness_file  a witness by file: a person with a key and what was signed last
stamp        RFC 3161: a time stamp and whether to believe it; authority: from whom
stamps       stamps on checkpoints, checked and kept; stamp_files: where they lie
stamper      has the newest checkpoint stamped, each day
quorum       C2SP tlog-policy: which witnesses must have cosigned
tree         roots and proofs, read back from tiles
inclusion    proof of one entry in a file (C2SP tlog-proof)
"""
