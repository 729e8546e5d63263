# Sourced by the scripts beside it: where the project is, how to speak, and who builds.
# shellcheck shell=bash

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
script=scripts/$(basename "$0")

say() { printf '\n== %s\n' "$*" >&2; }

fail() {
  printf '%s: %s\n' "$script" "$*" >&2
  exit 1
}

# The comment at the top of the script is its --help.
print_help() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; }

usage_error() {
  printf '%s: %s\n`%s --help` says what is allowed.\n' "$script" "$*" "$script" >&2
  exit 2
}

need_root() { [[ $EUID -eq 0 ]] || fail "$1; run: sudo $script"; }

# Under sudo the build belongs to the owner of the source tree, so that the next build without sudo can write to it.
as_owner() {
  local owner home
  owner=$(stat -c %u "$project")
  if [[ $EUID -eq 0 && $owner -ne 0 ]] && home=$(getent passwd "$owner" | cut -d: -f6) && [[ -n $home ]]; then
    HOME=$home setpriv --reuid "$owner" --regid "$(stat -c %g "$project")" --clear-groups -- "$@"
  else
    "$@"
  fi
}

# The mirror that apt uses here.
debian_mirror() {
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
  [[ -n $mirror ]] || fail "apt's configuration names no Debian mirror; add one to /etc/apt/sources.list"
  echo "$mirror"
}
