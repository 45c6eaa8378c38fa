"""Text -> findings; findings -> masked or pseudonymised text, and back.

segments     the strings of a request that a model would read, and their replacement
detector     Presidio, offline: texts -> what stands in them
resolve      which of what was found becomes a finding; categories says why it matters
views        the ways to read a text in which a value could be hidden
identifiers  identifiers by country: form, check, words, source
matcher      their values in a text; passes, words, bare, columns, forms, edges are its parts
recognisers  the matcher and the names as Presidio knows them
names        the names model and how it was trained; function_words tell languages
special      what Art. 9 and 10 protect, where a sentence says it of a person; claims,
             sentences, terminology are its parts
countries    names of countries, which are nobody's data
credentials  recognisers of passwords, keys and tokens
language     whether a text is in a language whose names the model does not know
pool         detectors in processes of their own, so that the event loop never stalls
jobs         the requests that wait for one, and which go together
memory       what was found in the texts seen last, by keyed hash
process      such a process, as the pool sees it; child is what it does
examined     what stands in one text, and its form on the pipe
pseudonyms   what becomes of each finding; the tokens of one request
restore      pseudonyms back to values, in a stream
outgoing     what in an answer is new, and how much of it is held back
"""
