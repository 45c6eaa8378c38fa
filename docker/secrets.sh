#!/bin/sh
# Makes the secrets that docker/compose.yaml names, in docker/secrets, once. Existing ones stay.
#
#   sh docker/secrets.sh [HOST NAME FOR THE CERTIFICATE]
#
# Compose mounts each file into the containers that need it and keeps the file's mode, and the
# containers run as other users than yours. So the files are readable and the folder is not.
set -eu
umask 022
folder=$(dirname "$0")/secrets
name=${1:-localhost}
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
digest() { printf %s "$1" | sha256sum | cut -d' ' -f1; }
once() { # FILE TEXT
    if [ ! -e "$1" ]; then
        printf '%s\n' "$2" > "$1.new" && mv "$1.new" "$1"
    fi
}

for role in owner web notary records; do
    once "postgres_$role" "$(random)"
    once "database_url_$role" \
        "postgresql://domicile_$role:$(cat "postgres_$role")@postgres:5432/domicile"
done
for role in gateway worker records health; do
    once "broker_password_$role" "$(random)"
done
for role in gateway worker records; do
    once "broker_url_$role" "redis://$role:$(cat "broker_password_$role")@broker:6379/0"
done
once broker_acl "$(
    printf 'user default off\n'
    for role in gateway worker; do
        printf 'user %s on #%s ~* &* +@all -@admin -@dangerous +info\n' \
            "$role" "$(digest "$(cat "broker_password_$role")")"
    done
    # Long work on the record has keys of its own there, and reaches no ticket and no answer.
    printf 'user records on #%s ~records:* +@all -@admin -@dangerous +info\n' \
        "$(digest "$(cat broker_password_records)")"
    printf 'user health on #%s +ping\n' "$(digest "$(cat broker_password_health)")"
)"
if [ ! -e tls_pem ]; then
    if ! command -v openssl > /dev/null; then
        echo "There is no openssl here: put a certificate and its key, in one PEM file, at" >&2
        echo "docker/secrets/tls_pem, or install openssl and run this again." >&2
        exit 1
    fi
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \
        -subj "/CN=$name" -addext "subjectAltName=DNS:$name" \
        -keyout tls.key -out tls.crt 2>/dev/null
    cat tls.crt tls.key > tls_pem
    rm tls.crt tls.key
    echo "docker/secrets/tls_pem is self-signed, for 90 days: put your own certificate and key there."
fi
chmod 444 ./*
echo "Secrets are in $folder. Back the folder up like a key, and show it to nobody."
