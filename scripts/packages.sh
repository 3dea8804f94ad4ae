# shellcheck shell=bash
# Installs the Debian packages that a script needs and the machine lacks. Sourced, not run:
#
#   need dig=bind9-dnsutils named=bind9           # command=package
#   need python3:yaml=python3-yaml                # a module of Python's
#   need pdns:bind=pdns-backend-bind              # a backend of PowerDNS's
#
# Name servers arrive as packages that start themselves. Nothing here may: they would take port 53
# from whoever has it, so they are told not to, now and at the next boot.

# The servers' own commands live where only root looks.
PATH="$PATH:/usr/sbin:/sbin"

need() {
    local pair missing=()
    for pair in "$@"; do
        is_here "${pair%%=*}" || missing+=("${pair#*=}")
    done
    if ((${#missing[@]} == 0)); then
        return 0
    fi
    if ! command -v apt-get >/dev/null; then
        echo "missing: ${missing[*]} (names of Debian packages); there is no apt-get here, so please install them by hand" >&2
        return 1
    fi
    local root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            echo "missing: ${missing[*]}; run as root: apt-get install ${missing[*]}" >&2
            return 1
        fi
        root=(sudo)
    fi
    echo "installing ${missing[*]}"
    if ! install_quietly "${missing[@]}"; then
        echo "apt-get could not install ${missing[*]}" >&2
        return 1
    fi
}

is_here() {
    case $1 in
    python3:*) python3 -c "import ${1#python3:}" 2>/dev/null ;;
    pdns:*) compgen -G "/usr/lib/*/pdns/lib${1#pdns:}backend.so" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

# In a shell of its own, so that what keeps the servers still is gone however this ends. Uses `root`
# of its caller: empty, or sudo.
install_quietly() (
    local policy=/usr/sbin/policy-rc.d package
    if [[ ! -e $policy ]]; then
        trap '"${root[@]}" rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null || exit
        "${root[@]}" chmod 755 "$policy" || exit
    fi
    # A source that is out of reach need not be the one that has the packages.
    "${root[@]}" apt-get update -qq || true
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "$@" >/dev/null || exit
    if [[ -d /run/systemd/system ]]; then
        for package in "$@"; do
            case $package in
            mariadb-server) "${root[@]}" systemctl disable --quiet mariadb || true ;;
            pdns-server) "${root[@]}" systemctl disable --quiet pdns || true ;;
            bind9) "${root[@]}" systemctl disable --quiet named || true ;;
            gdnsd | haproxy | knot | nginx | nsd | postgresql | prometheus | redis-server | unbound) "${root[@]}" systemctl disable --quiet "$package" || true ;;
            esac
        done
    fi
    exit 0
)
