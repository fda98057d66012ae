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
called=${2:-}
shift
[ $# -eq 0 ] || shift
cd "$PROJECT"
. "$HERE/environment.sh"
. "$HERE/worker.sh"

run_worker --volume "$file:/in/$(basename "$file"):ro" --volume "$(cd "$STUDIES" && pwd):/studies" -- \
    init "/in/$(basename "$file")" ${called:+--name "$called"} "$@"
if [ -n "$(docker compose ps --quiet --status running model-worker 2>/dev/null)" ]; then
    echo "The running stack fits it by itself: \`make logs\` follows it."
else
    echo "Next: \`make up\` starts the stack, which fits it."
fi
