#!/bin/sh
# What was compiled when the image was built goes to where PyTensor looks for it and may add to it: the
# root is read-only, and compiling the parts of a model anew takes more than half a minute.
set -eu
if [ ! -e "$HOME/.pytensor" ]; then
    cp -r /opt/compiled "$HOME/.pytensor"
fi
exec model-worker "$@"
