"""The project: settings from the environment; joins compliance and inference; starts the rest.

env, settings, urls      what the environment says, once; the console's addresses
asgi, front              /v1/ to the data plane, three pages for operators, the rest to Django
log_pages, witness_pages  the log for readers; this appliance as a witness of others
calling                  the few addresses that may be called
celery                   the worker's application
setup, welcome           what a new appliance begins with, and its first credentials
logging, health, metrics, disk, clock, confinement, diagnosis    what operators read
keyring, rotation, archive, role_folder                          keys and backups
services/                what `up` finds or starts: database, broker, processes
management/              up, setup, web, notary, doctor, backup, restore, keys
"""
