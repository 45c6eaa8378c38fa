"""Requests that wait for a person: asked for by the gate, decided on in the console.

binding     which request an approval is for: a keyed digest
asked       what the record says of a held request: an approval is for that, and no more
text        what the approver reads, under a key that dies with the hold
desk        what the hot path asks for, beside its event loop
deciding    reading, approving, denying: each once, each on the record
ending      time runs out, texts are erased, crashes leave keys behind

waiting -> approved -> used     by one repetition of the same request, within a day
waiting -> denied
waiting | approved -> expired   the day is over, or the text was erased
"""
