"""The ways to read a text in which a value could be hidden, each with the way back.

views      a text -> its views: what a person sees, and what a program would decode or join
view       one view, and where its characters stand in the text
triggers   one pass that tells which of the readers a text needs
folding    characters that do not show or look like others
decoding   entities, escapes, base64, hex, URL encoding
joining    values spaced out, marked up, or broken over lines; spoken: "at" and "dot"
compounds  names that a program wrote as one word, by common first_names
backwards  text written backwards
seams      values that begin in one message and go on in another
"""
