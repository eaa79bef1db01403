# Finds a JDK 25 or newer; sourced by the other scripts. Bash 3.2 (macOS) must understand it.

# Prints the feature version of the JDK in directory $1, 0 if there is none.
jdk_version() {
  [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || { echo 0; return; }
  local line version=0
  while IFS= read -r line; do
    case $line in
      JAVA_VERSION=*) version=${line#JAVA_VERSION=\"}; version=${version%%[!0-9]*} ;;
    esac
  done < "$1/release"
  echo "${version:-0}"
}

# Directory of the JDK whose java is on the PATH, if it is one.
jdk_on_path() {
  local java
  java=$(command -v java) || return 0
  while [ -L "$java" ]; do
    local target
    target=$(readlink "$java")
    case $target in /*) java=$target ;; *) java=$(dirname "$java")/$target ;; esac
  done
  (cd "$(dirname "$java")/.." && pwd -P)
}

# Where installers put JDKs, one directory a line.
jdk_candidates() {
  [ -z "${JEMMA_JAVA_HOME:-}" ] || echo "$JEMMA_JAVA_HOME"
  [ -z "${JAVA_HOME:-}" ] || echo "$JAVA_HOME"
  jdk_on_path
  local directory
  for directory in /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/jdk* /opt/*jdk* /usr/local/jdk* \
      "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* "$HOME"/.asdf/installs/java/* \
      "$HOME"/.local/share/mise/installs/java/* \
      /Library/Java/JavaVirtualMachines/*/Contents/Home \
      "$HOME"/Library/Java/JavaVirtualMachines/*/Contents/Home \
      /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home \
      /usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home; do
    [ -x "$directory/bin/javac" ] && echo "$directory"
  done
  [ -x /usr/libexec/java_home ] && /usr/libexec/java_home -v 25+ 2>/dev/null
  return 0
}

# Sets JAVA_HOME to a JDK 25 or newer, or says how to get one and fails.
require_jdk() {
  local directory
  while IFS= read -r directory; do
    if [ "$(jdk_version "$directory")" -ge 25 ]; then
      export JAVA_HOME=$directory
      return 0
    fi
  done <<EOF
$(jdk_candidates)
EOF
  cat >&2 <<'EOF'
jemma: no JDK 25 or newer found (looked at JAVA_HOME, the PATH and the usual directories). Install one:
  macOS           brew install openjdk
  Debian, Ubuntu  apt install temurin-25-jdk   (repository: https://adoptium.net/installation/linux)
  any             https://adoptium.net/temurin/releases/?version=25   or   sdk install java 25-tem
then run again, with JAVA_HOME set to it if it is in an unusual place.
EOF
  return 1
}
