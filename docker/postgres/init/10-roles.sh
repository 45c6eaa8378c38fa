#!/bin/sh
# PostgreSQL's image runs this once, in an empty data folder. It makes the roles that log in, with
# the passwords of docker/secrets; what they may do, docker/postgres/roles.sql says, once the
# tables are there. psql reads the passwords itself: a command line can be read by every user of
# the host.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set web `cat /run/secrets/postgres_web`
\set notary `cat /run/secrets/postgres_notary`
\set records `cat /run/secrets/postgres_records`
CREATE ROLE domicile_web
    LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'web';
CREATE ROLE domicile_notary
    LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'notary';
CREATE ROLE domicile_records
    LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'records';
SQL
