#!/usr/bin/env bash
# Sourced by ./run and ./test: installs what is missing and builds into build/.
# usage: prepare [cmake options...]

missing_packages() {
  local package
  while read -r package; do
    case "$package" in '' | '#'*) continue ;; esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || echo "$package"
  done <cmake/packages.txt
}

install_packages() {
  command -v dpkg-query >/dev/null || {
    echo "This is not a Debian system: install by hand what cmake/packages.txt lists." >&2
    return 0
  }
  local missing sudo=""
  missing=$(missing_packages | tr '\n' ' ')
  [ -n "${missing// /}" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "Missing packages: $missing" >&2
      echo "Install them as root: apt-get install $missing" >&2
      exit 1
    }
    sudo=sudo
  fi
  echo "Installing: $missing"
  $sudo apt-get update -qq || echo "apt-get update failed; trying with the package lists there are" >&2
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/tmp/treino-apt.log 2>&1 || {
    tail -n 5 /tmp/treino-apt.log >&2
    echo "Packages could not be installed: $missing" >&2
    exit 1
  }
}

prepare() {
  install_packages
  if [ -z "${CXX:-}" ]; then
    for compiler in clang++-19 clang++ g++; do
      if command -v "$compiler" >/dev/null; then
        export CXX=$compiler
        break
      fi
    done
  fi
  cmake -G Ninja -B build -S . "$@" >build-configure.log 2>&1 || {
    cat build-configure.log >&2
    exit 1
  }
  rm -f build-configure.log
  build
}

# One line that redraws itself on a terminal; elsewhere only what goes wrong.
build() {
  if [ -t 1 ]; then
    cmake --build build || exit 1
    return
  fi
  echo "Building in build/ (the first time takes some minutes)"
  cmake --build build -- --quiet >build/build.log 2>&1 || {
    cat build/build.log >&2
    exit 1
  }
}
