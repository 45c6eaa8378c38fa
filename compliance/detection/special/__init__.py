"""What GDPR Art. 9 and 10 protect, where a text says it of a person.

special      a text and the persons in it -> findings
terminology  the terms, of terms/<language>.txt
claims       whether a sentence or a record says a term of somebody; sentences divides a text
"""
