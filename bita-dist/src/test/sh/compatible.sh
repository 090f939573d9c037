#!/usr/bin/env bash
# Compares the public API of the modules with that of the last release, and fails if a version number that is not the next one would break
# programs. Before the first release it says so.
#   compatible.sh [MAVEN ARGUMENTS]
set -euo pipefail
root=$(cd "$(dirname "$0")/../../../.." && pwd)
JAVA_HOME=$("$root/bita" jdk)
export JAVA_HOME
last=$(sed -n 's|.*<bita.last-release>\(.*\)</bita.last-release>.*|\1|p' "$root/pom.xml")
for argument in "$@"; do
    case $argument in -Dbita.last-release=*) last=${argument#*=} ;; esac
done
if [ "$last" = NONE ]; then
    echo "skipped: there is no release yet that a new one could be compatible with (bita.last-release in pom.xml)"
    exit 0
fi
cd "$root"
mvn -B -q -Pcompatibility -DskipTests -Dspotless.check.skip=true \
    -pl bita-kernels,bita-model,bita-decode,bita-api,bita-tune,bita-eval,bita-server,bita-langchain4j "$@" verify
echo "compatible with $last"
