"""Identifiers by country: one module a country, one table each.

`identifier` says what a row of a table is; `at`, `be`, … hold the tables of the member states
of the EU, of the United Kingdom, Switzerland, Norway, Iceland and Liechtenstein; `universal`
those that belong to no country.
"""
