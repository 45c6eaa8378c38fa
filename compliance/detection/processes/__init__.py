"""Detectors in processes of their own, so that the event loop never stalls.

pool         a fixed number of them behind one queue; jobs are what waits in it
process      such a process, as the pool sees it; child is what it does
examined     what stands in one text, and its form on the pipe
definitions  the organisation's own entities on the pipe
memory       what was found in the texts seen last, by keyed hash
"""
