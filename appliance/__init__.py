"""The project: settings from the environment; joins compliance and inference; starts the rest.

env, settings    what the environment says, once
asgi             sends /v1/ to the data plane and the rest to Django
celery           the worker's application
logging, health, metrics, confinement    what operators read
services/        what `up` finds or starts: database, broker, processes
management/      up, doctor, notary, backup, restore, keys
"""
