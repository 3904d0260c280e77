#!/bin/sh
# Installs the Debian packages that are missing:   tools/setup.sh run|test
#
# `run` is what building and serving need, `test` that and what ./test needs. On Debian 12 this uses apt,
# as root or through sudo; elsewhere it says what is needed and goes on when the tools are there.
set -eu

# python3-django: its list of common passwords, see docs/decisions/0026-common-passwords.md. curl: for the commands of README.md.
to_run="gcc g++ libc6-dev cmake ninja-build pkg-config libmicrohttpd-dev libgnutls28-dev
    libargon2-dev libcrypt-dev libcurl4-gnutls-dev libpq-dev libre-dev libsqlite3-dev libssl-dev libunistring-dev
    nettle-dev libphonenumber-dev
    libprotobuf-dev python3-django zlib1g-dev ca-certificates nodejs npm curl"
# fonts: without any, a browser draws no text. llvm: names functions in the reports of Clang's sanitizers.
to_test="clang libclang-rt-14-dev llvm-14 clang-format libcmocka-dev libjansson-dev python3 python3-pytest
    python3-psycopg2 python3-pytest-xdist python3-requests python3-hypothesis python3-sqlalchemy
    python3-jsonschema postgresql-15 haproxy
    adduser dpkg-dev lintian logrotate python3-seccomp systemd
    chromium fonts-dejavu-core shellcheck openssl git valgrind iproute2 prometheus procps python3-yaml util-linux
    sip-tester baresip-core twinkle-console kamailio"
tools_to_run="gcc g++ cmake ninja pkg-config gzip npm node"
tools_to_test="clang valgrind clang-format python3 shellcheck openssl curl git ip setarch unshare setpriv haproxy promtool
    cpack dpkg-shlibdeps lintian logrotate systemd-analyze
    sipp baresip twinkle-console kamailio"
libraries="libmicrohttpd gnutls libargon2 libcrypt libcurl libpq libre openssl sqlite3 nettle protobuf zlib"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() {
    echo "setup: $*"
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# Without apt: are the tools there?
check_tools() {
    say "this is not Debian 12: nothing is installed. On Debian 12 these packages would be:"
    # shellcheck disable=SC2086 # a list of words
    echo $packages | fold -s -w 96 | sed 's/^/setup:   /'
    missing=
    for tool in $tools; do
        has "$tool" || missing="$missing $tool"
    done
    for library in $libraries; do
        ! has pkg-config || pkg-config --exists "$library" || missing="$missing $library"
    done
    [ -z "$missing" ] && return
    say "not found:$missing" >&2
    exit 1
}

# The packages that dpkg does not have, one a line.
missing_packages() {
    # shellcheck disable=SC2086 # a list of words
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' $packages 2>/dev/null |
        sed -n 's/^installed //p' >"$log"
    for package in $packages; do
        case $package in
        nodejs | npm) has node && has npm && continue ;;
        esac
        grep -qxF "$package" "$log" || echo "$package"
    done
}

# Runs apt-get, waiting while another one works.
apt() {
    tries=0
    while ! $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -y \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" >"$log" 2>&1 </dev/null; do
        # DPkg::Lock::Timeout knows nothing of the lock of the package lists.
        if [ $tries -lt 60 ] && grep -q 'Could not get lock' "$log"; then
            [ $tries -gt 0 ] || say "another program is installing packages: waiting for up to 5 minutes"
            tries=$((tries + 1))
            sleep 5
        else
            tail -n 40 "$log" >&2
            say "apt-get $1 failed, see above" >&2
            exit 1
        fi
    done
}

case ${1:-} in
run)
    packages=$to_run
    tools=$tools_to_run
    why="to build and serve"
    ;;
test)
    packages="$to_run $to_test"
    tools="$tools_to_run $tools_to_test"
    why="to build, serve and test"
    ;;
*)
    echo "usage: tools/setup.sh run|test" >&2
    exit 2
    ;;
esac

release=
# shellcheck source=/dev/null
[ ! -r /etc/os-release ] || release=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")
if [ "$release" != "debian 12" ]; then
    check_tools
    exit 0
fi

missing=$(missing_packages | tr '\n' ' ')
[ -n "$missing" ] || exit 0

command="apt-get update && apt-get install -y --no-install-recommends $missing"
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if has sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        as_root=sudo
    else
        say "packages are missing and this user cannot install them. As root, run:" >&2
        echo "    $command" >&2
        exit 1
    fi
fi

# Only their programs are wanted: a service that nobody asked for is not to start with its package.
for service in prometheus kamailio; do
    case " $missing " in
    *" $service "*)
        unit=/etc/systemd/system/$service.service
        [ ! -d "${unit%/*}" ] || [ -e "$unit" ] || [ -L "$unit" ] || $as_root ln -s /dev/null "$unit"
        ;;
    esac
done

say "installing with apt, $why: $missing"
started=$(date +%s)
apt update
# shellcheck disable=SC2086 # a list of words
apt install --no-install-recommends $missing
say "installed in $(($(date +%s) - started)) s"
