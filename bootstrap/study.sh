#!/bin/sh
# Make a study of a data file: study.sh FILE [NAME [ARGUMENT...]]. The arguments go to `model-worker init`.
# It runs in the worker's image, without a network, as the caller, who then owns what is written; of this
# machine it sees the file, read-only, and the studies.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
PROJECT=$(dirname "$HERE")
file=${1:-}
if [ ! -f "$file" ] || [ ! -r "$file" ]; then
    echo "study: '$file' is no file that can be read; name one: make study CSV=path/to/file.csv" >&2
    exit 2
fi
file=$(cd "$(dirname "$file")" && pwd)/$(basename "$file")
name=${2:-}
shift
[ $# -eq 0 ] || shift
cd "$PROJECT"
. "$HERE/environment.sh"

check_variables
studies=$(cd "$STUDIES" && pwd)
if ! docker image inspect longitude/model-worker:dev >/dev/null 2>&1; then
    "$HERE/engine.sh" up
    "$HERE/images.sh"
    docker compose build --quiet model-worker
fi
docker run --rm --init --network none --read-only --cap-drop ALL --security-opt no-new-privileges \
    --user "$(id -u):$(id -g)" --tmpfs /tmp:mode=1777,exec \
    --volume "$file:/data/$(basename "$file"):ro" --volume "$studies:/studies" \
    longitude/model-worker:dev init "/data/$(basename "$file")" ${name:+--name "$name"} "$@"
if [ -n "$(docker compose ps --quiet --status running model-worker 2>/dev/null)" ]; then
    echo "The running stack fits it by itself: \`make logs\` follows it."
else
    echo "Next: \`make up\` starts the stack, which fits it."
fi
