"""Passwords, keys and tokens.

credentials  the recognisers, by one pass over all triggers
credential   the form of one kind, and what makes a value a secret
issued       forms that their issuers document
assigned     values beside words such as "password", in commands and connection strings
"""
