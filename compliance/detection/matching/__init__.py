"""The values of identifiers in a text: one pass for all forms and words, then checks and words.

matcher    identifiers and a text -> matches; nearest: of several values the one a word tells of
reader     what one pass over a text tells; deciding: of candidates for one place, which it is
passes     one byte a character, and Hyperscan over it
words      words that tell what a value near them is; others are those of what is nobody's
columns    the same in CSV and in tables
bare       when a value counts without a word
edges, forms    where a value may begin and end, and its form beside a word
listed     the values of long lists
"""
