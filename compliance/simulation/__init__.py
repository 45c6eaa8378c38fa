"""A draft of the policy, tried on what was asked of this appliance in the last days.

runs      begun and cancelled by people
replay    carried out by the worker `records`: recorded facts, chunk by chunk
"""
