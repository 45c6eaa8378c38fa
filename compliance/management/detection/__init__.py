"""What `manage.py detect` does.

`lines` reads JSON lines, `whole` a text of any length, `examiner` examines them.

No database and no running appliance is asked; the detector is loaded by the command itself.
Whatever the input, what is in memory at a time is bounded: a batch of lines, or a window.
"""
