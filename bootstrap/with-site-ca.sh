#!/bin/sh
# Run a command of an image build that reaches the network, trusting also the CA bundle given as
# the build secret `site_ca` (SITE_CA_FILE), if there is one. The bundle stays out of the image.
set -eu
secret=/run/secrets/site_ca
if [ -s "$secret" ]; then
    bundle=$(mktemp)
    cat /etc/ssl/certs/ca-certificates.crt "$secret" > "$bundle"
    export SSL_CERT_FILE="$bundle" PIP_CERT="$bundle" REQUESTS_CA_BUNDLE="$bundle"
    trap 'rm -f "$bundle"' EXIT
    "$@"
else
    exec "$@"
fi
