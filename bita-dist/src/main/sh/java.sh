# How Java is started, by the launcher of a checkout and by that of an archive, so that both do the same. Sourced; POSIX shell.
# The caller sets:
#   java_home    the JDK or runtime
#   class_path   jars with colons between
#   aot          the start-up cache: what Java has learned about loading the program's classes, see docs/install.md
#   native       the folder of the native kernels' library for this machine, or empty

# The machine, as archives and the kernels' libraries are called; with musl they have -musl behind it.
platform() {
    case $(uname -s) in Darwin) os=macos ;; *) os=linux ;; esac
    case $(uname -m) in x86_64 | amd64) arch=x86_64 ;; aarch64 | arm64) arch=aarch64 ;; *) arch=$(uname -m) ;; esac
    echo "$os-$arch"
}

# What all commands have, in $common, and the heap and compilers of a command, in $heap.
java_heap() { # COMMAND
    # The heap holds a vocabulary and a text; what is large lies outside it. Without bounds it would grow with the machine.
    case $1 in
        # answers, what is learned from them
        distill | tune) heap="-Xms96m -Xmn32m -Xmx2g" ;;
        # Answers and what they took. The second compiler would take processors from some of the methods that are compared.
        eval) heap="-Xms96m -Xmn32m -Xmx2g -XX:TieredStopAtLevel=1" ;;
        # many requests at a time
        serve) heap="-Xms64m -Xmn24m -Xmx512m" ;;
        # What ends soon: the second compiler would take processors from the kernels and give nothing back.
        run | chat | inspect | list | pull | import) heap="-Xms48m -Xmn16m -Xmx128m -XX:TieredStopAtLevel=1" ;;
        *) heap="-Xms48m -Xmn16m -Xmx128m" ;;
    esac
    # What Java itself has to say goes to standard error: standard output is the answer's.
    common="-XX:+UseSerialGC --enable-native-access=ALL-UNNAMED -Xlog:all=off:stdout -Xlog:all=warning:stderr"
    # Freed blocks go back to the system, also after glibc has seen large ones.
    export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-262144}"
}

# Becomes Java.
start_java() { # ARGUMENTS OF bita
    java_heap "${1:-}"
    # Drawing a token goes through the vocabulary in Java, for each row that is verified: with the first compiler alone wide steps would look worse than they are.
    case "${1:-} $* " in "eval "*" --temperature"*) heap="${heap% -XX:Tiered*}" ;; esac
    cache=
    # The Vector API is an incubator module that slows the start: only for those who need or ask for it. Kernels in Java need all compilers.
    case "${native:+native} $* " in
        *" --backend"* | *" audit "* | *" doctor "* | " "*) heap="${heap% -XX:Tiered*} --add-modules jdk.incubator.vector" ;;
        *) if aot_fits; then cache=$aot; fi ;;
    esac
    # shellcheck disable=SC2086 # options are words
    exec "$java_home/bin/java" $common $heap ${cache:+"-XX:AOTCache=$cache"} ${native:+"-Dbita.kernels.path=$native"} \
        -cp "$class_path" bita.cli.Main "$@"
}

# What a start-up cache is made for. Java itself does not notice other jars before 25.0.4 (JDK-8377932) and would run old code.
aot_identity() {
    while IFS= read -r line; do
        case $line in JAVA_RUNTIME_VERSION=* | IMPLEMENTOR=* | OS_ARCH=*) echo "$line" ;; esac
    done <"$java_home/release"
    echo "$common"
    (
        IFS=:
        set -f
        # shellcheck disable=SC2086 # the class path is split at its colons
        stat -L -c '%n %s %Y' -- $class_path 2>/dev/null || stat -L -f '%N %z %m' -- $class_path
    ) | sed 's|^.*/||'
}

aot_fits() {
    [ -f "$aot" ] || return 1
    if [ "$(aot_identity)" = "$(cat "$aot.made-for" 2>/dev/null)" ]; then
        return 0
    fi
    echo "bita: the start-up cache was made for another Java or other files and is left out, so that starting takes longer;" \
        "\"bita aot\" makes it anew" >&2
    return 1
}

# Makes the start-up cache, by an answer of the default model (or another: -m MODEL).
make_aot() { # OPTIONS OF bita run
    java_heap run
    rm -f "$aot" "$aot.made-for"
    answer='Why is the sky blue? Answer in one sentence.'
    # shellcheck disable=SC2086 # options are words
    if ! "$java_home/bin/java" $common $heap -XX:AOTCacheOutput="$aot.new" ${native:+"-Dbita.kernels.path=$native"} -cp "$class_path" bita.cli.Main \
        run --max-tokens 24 "$@" "$answer" >"$aot.log" 2>&1 || [ ! -s "$aot.new" ]; then
        cat "$aot.log" >&2
        rm -f "$aot.new" "$aot.new.config" "$aot.log"
        echo "bita: the start-up cache could not be made" >&2
        return 1
    fi
    rm -f "$aot.log"
    aot_identity >"$aot.made-for"
    mv "$aot.new" "$aot"
}
