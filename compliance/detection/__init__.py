"""Text -> findings; findings -> masked or pseudonymised text, and back.

segments     the strings of a request that a model would read, and their replacement
detector     Presidio, offline: texts -> what stands in them
reading      the ways to read a text in which a value could be hidden
identifiers  identifiers by country: form, check, words, source
matching     their values in a text; recognisers: as Presidio knows them
names        the names model and how it was trained; countries are nobody's data
secrets      passwords, keys and tokens
special      what Art. 9 and 10 protect, where a text says it of a person
own          what a policy defines besides
resolve      which of what was found becomes a finding; categories says why it matters
language     whether a text is in a language whose names are not known, by function_words and
             language_model
processes    detectors in processes of their own
pseudonyms   what becomes of each finding; masks are what stands for one in a text
surrogates   names that stand for names, where a policy wants no tokens for them
restore      pseudonyms back to values, in a stream
outgoing     what in an answer is new, and how much of it is held back
"""
