#!/usr/bin/env bash
# Shows that an archive needs nothing: unpacks it into a file system with the C library, a shell and six small commands, without Java,
# compiler or network, and lets it answer.
#   empty-root.sh ARCHIVE.tar.gz|PACKAGE.deb [ARGUMENTS OF bita]     default: run "Why is the sky blue?" --max-tokens 32
set -euo pipefail
archive=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- run "Why is the sky blue?" --max-tokens 32
if ! unshare --user --map-root-user --mount --pid --fork --net true 2>/dev/null; then
    echo "skipped: this system does not let users make name spaces (unshare)"
    exit 0
fi
models=${BITA_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/bita}/models
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{proc,dev,tmp,opt,bin,root/.cache/bita}
for command in sh dirname readlink stat sed cat; do
    cp -L "$(command -v $command)" "$root/bin/"
done
# The loader, the libraries of these commands, and what Java and the tokenizer need of the C library.
for library in $(for c in "$root"/bin/*; do ldd "$c"; done | grep -oE '/[^ ]+') $(ldconfig -p |
    grep -oE '/[^ ]+/(libc|libm|libdl|libpthread|librt|libgcc_s|libstdc\+\+)\.so\.[0-9]+$'); do
    [ -e "$root$library" ] || { mkdir -p "$root$(dirname "$library")" && cp -L "$library" "$root$library"; }
done
case $archive in
    *.deb) dpkg-deb -x "$archive" "$root" ;;
    *) tar -xzf "$archive" -C "$root/opt" ;;
esac
cp -a "$models" "$root/root/.cache/bita/"
bita=$(cd "$root" && ls -d opt/bita*/bin/bita usr/bin/bita 2>/dev/null || true)
unshare --user --map-root-user --mount --pid --fork --net sh -c "
    mount -t proc proc '$root/proc'
    mount --rbind /dev '$root/dev'
    exec chroot '$root' /bin/sh -c 'PATH=/bin HOME=/root; export PATH HOME; unset JAVA_HOME XDG_CACHE_HOME; exec \"\$@\"' sh /'$bita' \"\$@\"" \
    sh "$@"
