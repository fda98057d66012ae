#!/bin/sh
# Stop the stack, and the engine if `up.sh` started it. With --volumes, forget what was published too.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
cd "$HERE/.."
if docker info >/dev/null 2>&1; then
    docker compose --profile observability down --remove-orphans "$@"
    [ "${1:-}" != --volumes ] || docker image ls --quiet --filter reference='longitude/*' | sort -u | xargs -r docker image rm --force >/dev/null
fi
exec "$HERE/engine.sh" down
