#!/usr/bin/env bash
# Shows that a commit gives the same bytes wherever it is built: clones HEAD into two folders, builds the artifacts in both and compares
# them. Status 1 if one differs.
set -euo pipefail
root=$(cd "$(dirname "$0")/../../../.." && pwd)
JAVA_HOME=$("$root/bita" jdk)
export JAVA_HOME
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder in a/one another/folder/two; do
    git clone -q "$root" "$work/$folder"
    (cd "$work/$folder" && mvn -B -q -Prelease -DskipTests -Dspotless.check.skip=true -pl '!bita-dist' package)
    (cd "$work/$folder" && find . \( -path '*/target/*.jar' -o -path '*/target/bom.*' -o -name 'libbita_kernels.*' \) \
        -not -path '*/lib/*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) >"$work/${folder##*/}.sums"
done
if diff "$work/one.sums" "$work/two.sums"; then
    echo "$(wc -l <"$work/one.sums") files, all the same bytes"
else
    echo "not reproducible: the files above differ"
    exit 1
fi
