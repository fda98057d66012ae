#!/bin/sh
# Convert a table: convert.sh FILE TO COMMAND [ARGUMENT...], the command being one of the worker's that
# take a file and write another: `reshape`, or `import` and the name of a layout. It runs in the worker's
# image, without a network, as the caller; of this machine it sees the file, read-only, and the folder of
# what it writes.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
PROJECT=$(dirname "$HERE")
file=${1:-}
to=${2:-}
if [ ! -f "$file" ] || [ ! -r "$file" ] || [ -z "$to" ] || [ ! -d "$(dirname "$to")" ]; then
    echo "convert: name a file that can be read, and one to write: CSV=raw.csv TO=table.csv" >&2
    exit 2
fi
file=$(cd "$(dirname "$file")" && pwd)/$(basename "$file")
folder=$(cd "$(dirname "$to")" && pwd)
shift 2
cd "$PROJECT"
. "$HERE/environment.sh"
. "$HERE/worker.sh"

run_worker --volume "$file:/in/$(basename "$file"):ro" --volume "$folder:/out" -- \
    "$@" "/in/$(basename "$file")" "/out/$(basename "$to")"
