#!/usr/bin/env bash
# Makes what people install: a folder with the program and a Java runtime of its own, as .tar.gz, .zip and .deb. Called by Maven:
#   mvn -Prelease -DskipTests package
#   archives.sh VERSION TARGET_DIR TIMESTAMP   -> TARGET_DIR/bita-VERSION-<os>-<arch>.tar.gz, ...
# The .zip and the .deb are left out where zip or dpkg-deb is missing.
set -euo pipefail
version=$1 target=$2 timestamp=$3
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../../.." && pwd)
cd "$target"

. "$here/java.sh"
platform=$(platform)
name=bita-$version-$platform
rm -rf bita-*-"$platform"* bita_*.deb deb

# What jdeps finds in the class path, the Vector API that the launcher may add, and jdk.localedata and the like left out.
modules=java.base,java.compiler,java.desktop,java.logging,java.management,java.naming,java.net.http,java.sql,java.xml
modules=$modules,jdk.incubator.vector,jdk.jfr,jdk.management,jdk.unsupported
mkdir -p "$name/bin" "$name/lib" "$name/share/doc/bita"
"$JAVA_HOME/bin/jlink" --add-modules "$modules" --strip-debug --no-header-files --no-man-pages --generate-cds-archive \
    --output "$name/runtime"
rm -f "$name"/runtime/lib/server/classes_nocoops.jsa # for heaps beyond 32 GB

cp lib/*.jar "$name/lib/"
# Class path: the program's own jars first, as everywhere in a fixed order.
class_path=$(cd lib && ls bita-*.jar && ls -- *.jar | grep -v '^bita-')
class_path=$(printf '%s\n' "$class_path" | sed 's|^|$lib/|' | tr '\n' ':')
native=
if unzip -qoj lib/bita-kernels-*.jar "native/$platform/*" -d "$name/lib" 2>/dev/null; then
    native='$lib' # where the program loads them from as they lie
else
    echo "warning: this archive has no native kernels for $platform: it will be slow, and says so" >&2
fi
sed -e "s|@CLASS_PATH@|\"${class_path%:}\"|" -e "s|@NATIVE@|$native|" "$here/bita" >"$name/bin/bita"
chmod 755 "$name/bin/bita"
cp "$here/java.sh" "$name/lib/"

mkdir -p "$name/share/man/man1" "$name/share/bash-completion/completions"
cp pages/man/*.1 "$name/share/man/man1/"
cp pages/bita.bash "$name/share/bash-completion/completions/bita"
cp "$root"/{LICENSE,README.md,CHANGELOG.md} "$name/share/doc/bita/"
# The documentation site, if it was built (site/build.sh).
[ ! -d "$root/site/target/html" ] || cp -R "$root/site/target/html" "$name/share/doc/bita/html"

# One time for all files: the start-up cache knows the jars by it, wherever they are unpacked.
find "$name" -exec touch -h -d "$timestamp" {} +
if "$name/bin/bita" aot --offline 2>aot.log; then
    touch -d "$timestamp" "$name"/lib/bita.aot*
else
    echo "warning: no start-up cache in the archive, the default model is not on this machine ($target/aot.log); users make it with: bita aot" >&2
fi

tar --sort=name --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -9n >"$name.tar.gz"
made=("$name.tar.gz")
if command -v zip >/dev/null; then
    rm -f "$name.zip"
    find "$name" | LC_ALL=C sort | TZ=UTC zip -q -y "$name.zip" -@
    made+=("$name.zip")
fi

# Not by jpackage: it takes over only what lies as its own launcher wants it, and changes the files' times, which the start-up cache knows.
if [ "${platform%-*}" = linux ] && command -v dpkg-deb >/dev/null; then
    mkdir -p deb/DEBIAN deb/usr/{bin,lib,share}
    cp -a "$name" deb/usr/lib/bita
    mv deb/usr/lib/bita/share/* deb/usr/share/
    rmdir deb/usr/lib/bita/share
    mv deb/usr/share/doc/bita/LICENSE deb/usr/share/doc/bita/copyright
    gzip -9n deb/usr/share/man/man1/*.1
    ln -s ../lib/bita/bin/bita deb/usr/bin/bita
    architecture=$(dpkg --print-architecture)
    cat >deb/DEBIAN/control <<CONTROL
Package: bita
Version: ${version/-SNAPSHOT/~snapshot}
Architecture: $architecture
Maintainer: The authors of BiTA for Java
Depends: libc6 (>= 2.34), libgcc-s1
Installed-Size: $(du -sk deb | cut -f1)
Section: misc
Priority: optional
Description: runs language models: several tokens per step, the same text
 Bi-directional tuning (BiTA) for Java: lossless acceleration of language models, bit for bit, with an OpenAI-compatible server, tuning, and a
 Java runtime of its own.
CONTROL
    find deb -exec touch -h -d "$timestamp" {} +
    package=bita_${version/-SNAPSHOT/~snapshot}_$architecture.deb
    SOURCE_DATE_EPOCH=$(date -d "$timestamp" +%s) dpkg-deb --root-owner-group -Zxz -z1 --build deb "$package"
    made+=("$package")
fi
sha256sum "${made[@]}" >"$name.sha256"
ls -l "${made[@]}"
