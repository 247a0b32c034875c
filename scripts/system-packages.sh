#!/bin/sh
# Finds what the tests need from the system, and installs it where that is permitted.
#
#   system-packages.sh chromium      prints the path of a Chromium that starts
#   system-packages.sh postgresql    prints the folder of PostgreSQL's programs, 15 or later
#   system-packages.sh pgbouncer     prints the path of PgBouncer
#
# Only the path goes to standard output. Where nothing is found and nothing may be installed, the
# exit status is 1, and standard error says what is missing and how to get it.

set -eu

say() {
    printf '%s\n' "$*" >&2
}

# A name alone proves little: some distributions ship a stub that only prints advice.
starts() {
    "$1" --version >/dev/null 2>&1
}

chromium_names() {
    cat <<'NAMES'
/usr/bin/chromium
chromium
chromium-browser
google-chrome
google-chrome-stable
/Applications/Chromium.app/Contents/MacOS/Chromium
/Applications/Google Chrome.app/Contents/MacOS/Google Chrome
NAMES
}

# Prints the first Chromium that starts; fails when there is none.
found_chromium() {
    chromium_names | while IFS= read -r name; do
        path="$(command -v "$name" 2>/dev/null)" || continue
        if starts "$path"; then
            printf '%s\n' "$path"
            break
        fi
    done | grep .
}

# Runs a command as root: as we are, or by a sudo that asks for no password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

may_be_root() {
    [ "$(id -u)" -eq 0 ] || sudo -n true >/dev/null 2>&1
}

# The font is for the pages' text: without one, Chromium draws empty boxes.
install_chromium() {
    say "Chromium is missing; installing it with apt-get."
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
            --no-install-recommends chromium fonts-dejavu-core >&2
}

missing_chromium() {
    say "Chromium is missing, and the tests of the pages need it. Install it by one of"
    say "  Debian:  apt-get install chromium fonts-dejavu-core    (as root)"
    say "  Fedora:  dnf install chromium    (as root)"
    say "  macOS:   brew install --cask chromium"
    say "or name one that is there: LIVE_AGENT_CHROMIUM=/path/to/chromium make test"
    return 1
}

# Not called chromium: a function of that name would be found in place of the program.
wanted_chromium() {
    if [ -n "${LIVE_AGENT_CHROMIUM:-}" ]; then
        path="$(command -v "$LIVE_AGENT_CHROMIUM")" || path=
        if [ -n "$path" ] && starts "$path"; then
            printf '%s\n' "$path"
            return 0
        fi
        say "LIVE_AGENT_CHROMIUM names $LIVE_AGENT_CHROMIUM, which does not start."
        return 1
    fi
    found_chromium && return 0
    if command -v apt-get >/dev/null 2>&1 && may_be_root; then
        install_chromium || say "apt-get could not install Chromium."
        found_chromium && return 0
    fi
    missing_chromium
}

postgresql_folders() {
    # The newest first; Debian keeps the server's programs off the PATH.
    printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -rV
    for config in pg_config /opt/homebrew/opt/postgresql@*/bin/pg_config; do
        "$config" --bindir 2>/dev/null || true
    done
}

# Prints the first folder with a server of version 15 or later; fails when there is none.
found_postgresql() {
    postgresql_folders | while IFS= read -r folder; do
        version="$("$folder/postgres" --version 2>/dev/null | sed 's/[^0-9]*\([0-9]*\).*/\1/')"
        if [ "${version:-0}" -ge 15 ] && [ -x "$folder/initdb" ]; then
            printf '%s\n' "$folder"
            break
        fi
    done | grep .
}

found_pgbouncer() {
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v pgbouncer
}

# Debian starts a cluster of its own with the package, which the tests neither need nor touch.
install_package() {
    say "$1 is missing; installing it with apt-get."
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
            --no-install-recommends "$1" >&2
}

# wanted VARIABLE PACKAGE FINDER: what the variable names, what is found, or what can be installed.
wanted() {
    eval "named=\${$1:-}"
    if [ -n "$named" ]; then
        [ -e "$named" ] && printf '%s\n' "$named" && return 0
        say "$1 names $named, which does not exist."
        return 1
    fi
    "$3" && return 0
    if command -v apt-get >/dev/null 2>&1 && may_be_root; then
        install_package "$2" || say "apt-get could not install $2."
        "$3" && return 0
    fi
    say "$2 is missing, and the tests need it. Install it (Debian: apt-get install $2, as root;"
    say "macOS: brew install $2), or name one that is there: $1=/path make test"
    return 1
}

case "${1:-}" in
chromium) wanted_chromium ;;
postgresql) wanted LIVE_AGENT_POSTGRESQL postgresql found_postgresql ;;
pgbouncer) wanted LIVE_AGENT_PGBOUNCER pgbouncer found_pgbouncer ;;
*)
    say "usage: system-packages.sh chromium|postgresql|pgbouncer"
    exit 2
    ;;
esac
