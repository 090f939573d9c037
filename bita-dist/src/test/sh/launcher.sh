#!/usr/bin/env bash
# Tests the archive's launcher with a java that only says how it was called: which options, and when the start-up cache is left out.
set -euo pipefail
main=$(cd "$(dirname "$0")/../../main/sh" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
home="$work/a folder/bita"
passed=0 failed=0

mkdir -p "$home"/{bin,lib,runtime/bin}
sed -e 's|@CLASS_PATH@|"$lib/one.jar:$lib/two.jar"|' -e "s|@NATIVE@|\$lib|" "$main/bita" >"$home/bin/bita"
chmod +x "$home/bin/bita"
cp "$main/java.sh" "$home/lib/"
echo one >"$home/lib/one.jar"
echo two >"$home/lib/two.jar"
cat >"$home/runtime/release" <<'RELEASE'
IMPLEMENTOR="Someone"
JAVA_RUNTIME_VERSION="25.0.3+9"
OS_ARCH="x86_64"
RELEASE
# Makes the cache if it is asked to, and repeats its arguments.
cat >"$home/runtime/bin/java" <<'JAVA'
#!/bin/sh
for argument in "$@"; do
    case $argument in -XX:AOTCacheOutput=*) echo cache >"${argument#*=}" ;; esac
    echo "<$argument>"
done
JAVA
chmod +x "$home/runtime/bin/java"

run() { "$home/bin/bita" "$@" 2>"$work/err"; }
check() { # WHAT, condition
    local what=$1
    shift
    if "$@"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED: $what" >&2
    fi
}
says() { grep -qF -- "$1" <<<"$out"; }
no() { ! "$@"; }
silent() { [ ! -s "$work/err" ]; }
told() { grep -q 'made for another Java or other files' "$work/err" && grep -q 'bita aot' "$work/err"; }
cached() { says "<-XX:AOTCache=$home/lib/bita.aot>"; }
stale() { # WHAT
    out=$(run run x)
    check "$1: the cache is left out" no cached
    check "$1: and that is said" told
    check "$1: the program starts all the same" says "<bita.cli.Main>"
}

out=$(run run "a  prompt" '*')
check "arguments come through" says "<a  prompt>"
check "patterns too" says "<*>"
check "class path" says "<$home/lib/one.jar:$home/lib/two.jar>"
check "no cache before there is one" no cached
check "and no word about it" silent
check "an answer does without the second compiler" says "<-XX:TieredStopAtLevel=1>"
out=$(run eval --suite questions.jsonl)
check "so does a comparison" says "<-XX:TieredStopAtLevel=1>"
out=$(run eval --suite questions.jsonl --temperature 1)
check "but not one that draws tokens" no says "<-XX:TieredStopAtLevel=1>"

run aot >/dev/null
out=$(run run x)
check "a cache that fits is used" cached
check "silently" silent
out=$(run run "What is a scalar, what a vector?")
check "a prompt is no option" cached
check "small heap" says "<-Xmx128m>"
check "no Vector API" no says "jdk.incubator.vector"
check "one compiler for what ends soon" says "<-XX:TieredStopAtLevel=1>"
check "kernels from where they lie" says "<-Dbita.kernels.path=$home/lib>"
ln -s "$home/bin/bita" "$work/link"
out=$("$work/link" run x)
check "through a link too" cached
out=$(cd "$home/bin" && ./bita run x)
check "from its own folder" cached
mv "$home" "$work/moved"
home=$work/moved
out=$(run run x)
check "a cache that was moved with the program is used" cached

out=$(run serve)
check "serve has a larger heap" says "<-Xmx512m>"
check "and the same cache" cached
check "and all compilers" no says "TieredStopAtLevel"
out=$(run tune m)
check "tune has the largest" says "<-Xmx2g>"
out=$(run run x --backend vector)
check "the Vector API is added where it is asked for" says "<jdk.incubator.vector>"
check "without the cache, which Java would refuse" no cached
check "kernels in Java need all compilers" no says "TieredStopAtLevel"
out=$(run run x --backend scalar)
check "scalar ones too" no says "TieredStopAtLevel"
out=$(run doctor)
check "doctor looks at all kernels" says "<jdk.incubator.vector>"

touch -d '2001-01-01' "$home/lib/two.jar"
stale "another time of a jar"
run aot >/dev/null
out=$(run run x)
check "made anew it fits again" cached
time=$(stat -c %y "$home/lib/one.jar" 2>/dev/null || echo)
echo "one more" >"$home/lib/one.jar"
[ -z "$time" ] || touch -d "$time" "$home/lib/one.jar"
stale "another size of a jar"
run aot >/dev/null
sed -i.bak 's/25.0.3/25.0.4/' "$home/runtime/release"
stale "another Java"
run aot >/dev/null
sed -i.bak 's/-XX:+UseSerialGC/-XX:+UseParallelGC/' "$home/lib/java.sh"
stale "other options"
run aot >/dev/null
rm "$home/lib/bita.aot.made-for"
stale "a cache of unknown origin"

out=$(run test || echo "status $?")
check "what a checkout has is refused" says "status 2"
check "with a word" grep -q checkout "$work/err"

printf '#!/bin/sh\necho broken >&2\nexit 1\n' >"$home/runtime/bin/java"
if run aot >/dev/null; then failed=$((failed + 1)) && echo "FAILED: bita aot fails where Java does" >&2; else passed=$((passed + 1)); fi
check "says why" grep -q broken "$work/err"
check "and leaves nothing" no test -e "$home/lib/bita.aot"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
