"""What may happen: rules, and the pure function that decides.

rules     a policy version as frozen values; parsing, canonical form, digest
schema    the JSON Schema of the document, for editors and the console
default   the policy that a new appliance starts with
decide    facts of one request -> decision, with the reasons
"""
