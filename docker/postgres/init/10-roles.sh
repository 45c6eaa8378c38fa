#!/bin/sh
# PostgreSQL's image runs this once, in an empty data folder. It makes the roles that log in, with
# the passwords of docker/secrets; what they may do, docker/postgres/roles.sql says, once the
# tables are there.
set -eu
for role in web notary; do
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
        --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
        --set role="domicile_$role" --set password="$(cat "/run/secrets/postgres_$role")" <<'SQL'
CREATE ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
SQL
done
