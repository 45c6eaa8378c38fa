"""Names in 24 languages: persons, places, organisations, addresses and dates.

labels     the classes, and the tags of words
tokens     a text as words, and what the model is told about the form of each
gazetteer  which words are known as names of persons, places and months
spans      from the probabilities of words to names
model      `Names`: the weights at work, on texts of any length
training   how the weights came about; no part of a running appliance
"""
