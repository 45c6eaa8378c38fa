"""What happens: inference, only here, only on our own machines.

registry     what a model is, by every byte; importing, licences, drift: what becomes of it
catalogue/   open models that people deploy, and kinds of GPU: data
fit          on which GPUs a model fits; shape: its sizes; precision: bytes of a parameter
placing      which nodes of a site serve a model; room: whether a machine has it; deploying:
             who may say so, and the record of it; lately: what nodes say, for that
routing      choose a permitted site; clearance: seal to it, open at it
relay        frames from workers to waiting clients
engines/     the contract of an engine, and the engines
tasks        the Celery task; worker: the loop that answers
admission    which tickets a node may run; spent: that none runs twice; answer: one ticket
canary       attempts to get out, where confinement is seen to hold; canary_watch: what a node
             does about it; canary_reports: what the gateway does
listener     reads what nodes leave in a stream; starts, canary_reports: put it on the record
confinement  whether anything can leave, asked of the kernel; filters: by no packet that could
dispatch     follow one admitted request to its last byte
api/         one module per endpoint family
models/      Node, Model, Deployment, Placement; admin/ shows them
"""
