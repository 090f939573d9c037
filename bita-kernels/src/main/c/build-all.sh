#!/bin/sh
# Compiles the kernels for all platforms of a release on any one of them, with Zig's C compiler.
#   build-all.sh TARGET_DIR [PLATFORM...]    -> TARGET_DIR/native/<platform>/<library>, and their hashes
# Zig is the Python package ziglang of the version below: that of the interpreter $ZIG_PYTHON, or installed into the cache.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
zig_version=0.17.1
target=$1
shift

cache=${XDG_CACHE_HOME:-$HOME/.cache}/bita/zig-$zig_version
python=${ZIG_PYTHON:-$cache/bin/python}
has_zig() { [ "$("$python" -m ziglang version 2>/dev/null)" = "$zig_version" ]; }
if ! has_zig && [ -z "${ZIG_PYTHON:-}" ]; then
    echo "installing the Python package ziglang $zig_version" >&2
    if ! { python3 -m venv "$cache" && "$python" -m pip -q install "ziglang==$zig_version"; } >&2; then
        echo "error: ziglang $zig_version could not be installed: it needs python3 with venv (Debian: python3-venv) and a" \
            "package index" >&2
        exit 1
    fi
fi
if ! has_zig; then
    echo "error: $python has no ziglang $zig_version: install it, or unset ZIG_PYTHON" >&2
    exit 1
fi

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
trap 'exit 130' INT TERM
. "$here/flags.sh"
. "$here/library.sh"
flags_neon=$flags_neon_zig

# No names of objects, paths or times remain: -s, and no -g.
platform() { # platform, Zig's target, the library's name, linker flags
    if [ $# -lt 4 ]; then
        set -- "$@" ""
    fi
    case " $wanted " in
        *" $1 "* | "  ") ;;
        *) return 0 ;;
    esac
    os=${1%%-*} arch=${1#*-}
    arch=${arch%-musl}
    mkdir -p "$temporary/$1" "$target/native/$1"
    library "$python -m ziglang cc -target $2" "$os" "$arch" "-s $4" "$temporary/$1" "$target/native/$1/$3"
    built="$built $1"
    (cd "$target" && sha256sum "native/$1/$3")
}

wanted=$*
built=
platform linux-x86_64 x86_64-linux-gnu.2.17 libbita_kernels.so
platform linux-aarch64 aarch64-linux-gnu.2.17 libbita_kernels.so
platform linux-x86_64-musl x86_64-linux-musl libbita_kernels.so
platform linux-aarch64-musl aarch64-linux-musl libbita_kernels.so
platform macos-x86_64 x86_64-macos libbita_kernels.dylib -Wl,-install_name,@rpath/libbita_kernels.dylib
platform macos-aarch64 aarch64-macos libbita_kernels.dylib -Wl,-install_name,@rpath/libbita_kernels.dylib
platform windows-x86_64 x86_64-windows-gnu bita_kernels.dll
for name in $wanted; do
    case " $built " in
        *" $name "*) ;;
        *)
            echo "error: there is no platform $name" >&2
            exit 1
            ;;
    esac
done
