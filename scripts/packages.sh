# shellcheck shell=bash
# Installs the Debian packages that a script needs and the machine lacks. Sourced, not run:
#
#   need dig=bind9-dnsutils named=bind9      # command=package
#
# Name servers arrive as packages that start themselves. Nothing here may: they would take port 53
# from whoever has it, so they are told not to, now and at the next boot.

# The servers' own commands live where only root looks.
PATH="$PATH:/usr/sbin:/sbin"

need() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
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
    install_quietly "${missing[@]}"
}

# Uses `root` of its caller: empty, or sudo.
install_quietly() {
    local policy=/usr/sbin/policy-rc.d ours=false status=0
    if [[ ! -e $policy ]]; then
        ours=true
        printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
        "${root[@]}" chmod 755 "$policy"
    fi
    {
        "${root[@]}" apt-get update -qq &&
            "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get install -qq -y --no-install-recommends "$@" >/dev/null
    } || status=$?
    if $ours; then
        "${root[@]}" rm -f "$policy"
    fi
    if [[ -d /run/systemd/system ]]; then
        local package
        for package in "$@"; do
            case $package in
            bind9) "${root[@]}" systemctl disable --quiet named || true ;;
            gdnsd | knot | nsd | unbound) "${root[@]}" systemctl disable --quiet "$package" || true ;;
            esac
        done
    fi
    if ((status != 0)); then
        echo "apt-get could not install $*" >&2
    fi
    return "$status"
}
