"""Names that stand for names, where a policy wants pseudonyms that read like real ones.

surrogates   which name stands for which, in one request
lists        the names there are, by script
inflections  the forms in which a model may write one of them
"""
