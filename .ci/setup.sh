# shellcheck shell=bash
# What .ci/run and .ci/full share: functions that make a clean machine ready. They are sourced from
# the root of the repository, and export what the tests need to know.

# Bytecode is compiled once and kept, as on a user's machine; one thread a process on two cores.
unset PYTHONDONTWRITEBYTECODE
export OMP_NUM_THREADS=1 UV_PYTHON_DOWNLOADS=never

uv() { .venv/bin/uv "$@"; }

# uv alone: `uv run` then installs what uv.lock says.
set_up_python() {
    [ -x .venv/bin/python ] || python3 -m venv .venv
    [ -x .venv/bin/uv ] || .venv/bin/pip install --quiet uv
}

# Where torch's own index is out of reach, its wheel comes from the folder that pip looks in.
set_up_torch() {
    local wheels wheel version
    wheels=${PIP_FIND_LINKS:-$(python3 -m pip config get global.find-links 2>/dev/null || true)}
    [ -d "$wheels" ] || return 0
    wheels_in_images="--volume $wheels:$wheels:ro"
    wheel=$(basename "$(find "$wheels" -name 'torch-*.whl' | head -n 1)")
    version=$(cut -d- -f2 <<<"$wheel" | cut -d+ -f1)
    export SCAFFOLD_SYNC_OPTIONS="--no-sources --find-links $wheels -P torch==$version"
}

# Images are built by podman, from a base made of Debian's packages: no registry of images is needed.
set_up_images() {
    local base
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        return 0
    fi
    if ! command -v podman >/dev/null || ! command -v runc >/dev/null; then
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends podman runc netavark aardvark-dns \
            iptables fuse-overlayfs uidmap mmdebstrap >/dev/null
    fi
    if ! podman --runtime runc image exists localhost/base:bookworm; then
        command -v mmdebstrap >/dev/null || apt-get install -y -qq mmdebstrap >/dev/null
        base=$(mktemp -d)
        mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates \
            --customize-hook='copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs' \
            bookworm "$base/base.tar"
        podman --runtime runc import --quiet "$base/base.tar" localhost/base:bookworm
        rm -r "$base"
    fi
    export SCAFFOLD_IMAGE_OPTIONS="--pull=never --build-arg BASE=localhost/base:bookworm --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt ${wheels_in_images:-}"
}

set_up() {
    set_up_torch
    set_up_images
    set_up_python
}

# What needs no rendering.
check_repository() {
    uv run --locked ruff check
    uv run --locked ruff format --check
    uv run --locked mypy
}
