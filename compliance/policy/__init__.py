"""What may happen: rules, and the pure function that decides.

rules      a document -> a version, checked member by member; all that others import
terms      a version as frozen values         reading   one JSON value, or a refusal by name
canonical  the bytes that the digest is of    schema    the JSON Schema, for editors
default    the policy that a new appliance starts with

decide     facts of one request -> decision, with the reasons; how rules combine
compiled   a version made ready for many requests; conditions: its members as tests
regions    the EU, the EEA and adequacy decisions, with dates (regions.toml)
countries  ISO 3166-1; zones: time zones

prove      answers to questions about a version: leaving, overlaps, paths, looser
           (laxer, loosened)
symbolic   what `decide` decides, written for the solver; universe, moments, unnamed: over what
solver     a session with Z3; example, told: a request that it found, in words
"""
