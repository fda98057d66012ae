#!/bin/sh
# Bring the stack up: engine, base images, our images, containers; done when every service is healthy.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
PROJECT=$(dirname "$HERE")
cd "$PROJECT"
. "$HERE/environment.sh"

check_variables
"$HERE/engine.sh" up
"$HERE/images.sh"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! docker compose build --quiet >"$log" 2>&1; then
    cat "$log" >&2
    echo "up: the images could not be built, see above" >&2
    exit 1
fi
if ! docker compose up --detach --wait --no-build --remove-orphans >"$log" 2>&1; then
    cat "$log" >&2
    for variable in HTTPS_PORT HTTP_PORT; do
        eval "port=\$$variable"
        if grep -Eq "(address already in use|port is already allocated)" "$log" && grep -Eq "[:.]$port([^0-9]|\$)" "$log"; then
            echo "up: port $port is taken by another program on this machine; set $variable to a free port in .env" >&2
        fi
    done
    docker compose logs --no-log-prefix setup >&2 2>/dev/null || true
    echo "up: the stack did not start, see above" >&2
    exit 1
fi
case "$HTTPS_PORT" in 443) port= ;; *) port=":$HTTPS_PORT" ;; esac
echo "Longitude is up: https://$DOMAIN$port  ($(docker compose ps --quiet bokeh | wc -l) replicas; \`make logs\` follows the fit, \`make ca\` prints the CA to trust)"
