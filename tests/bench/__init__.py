"""What Domicile costs, each figure beside a baseline of the same run (`make bench`).

upstream    a paced engine whose cost is not counted: n tokens at a fixed rate
callers     the load: raw sockets, in a process of its own
cpu         processor time of a process tree by role
stage       broker, worker, notary and gateway around the paced engine
gateway     the product's own gateway with a detector that finds nothing, for one column
detection   our detector beside stock Presidio
appends     durable appends beside a row-lock hash chain
"""
