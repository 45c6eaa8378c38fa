"""`make bench-detection`: how well and how fast is found what must be, beside stock Presidio.

`people` makes texts with personal data, `scanners` are what is measured, `quality` and `cost`
what is measured of them, `measure` does it in a process for each, `resident` in one that holds
nothing else, `__main__` prints the tables.
"""
