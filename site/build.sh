#!/usr/bin/env bash
# Makes the documentation site from the repository's Markdown, to be read from a folder: site/target/html/index.html.
#   site/build.sh              with Javadoc if it was built before: mvn javadoc:aggregate
#   site/build.sh --javadoc    builds the Javadoc of the modules for programs too
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
target=$here/target

python=$target/python
if ! cmp -s "$here/requirements.txt" "$python/requirements.txt"; then
    rm -rf "$python"
    python3 -m venv "$python"
    "$python/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$python/"
fi

# The pages keep the places that they have in the repository, so that links between them hold.
rm -rf "$target/pages" "$target/html"
mkdir -p "$target/pages/examples"
cp "$root"/{README,ARCHITECTURE,CONTRIBUTING,CHANGELOG}.md "$here"/{site.css,iframe-worker.js} "$target/pages/"
cp -R "$root/docs" "$target/pages/"
cp "$root/examples/README.md" "$target/pages/examples/"
# Links to source code lead out of the site: they stay as text.
find "$target/pages" -name '*.md' -exec sed -i -E 's/\[([^]]*)\]\(([^):#]*\.(java|c|h|sh|xml|py)|java-api\/[^)]*)\)/\1/g' {} +

javadoc=$root/target/reports/apidocs
if [ "${1:-}" = --javadoc ]; then
    (cd "$root" && JAVA_HOME=$(./bita jdk) mvn -B -q -DskipTests -Dspotless.check.skip=true -pl bita-kernels,bita-model,bita-decode,bita-api,bita-tune,bita-langchain4j \
        compile javadoc:aggregate)
fi
cp "$here/mkdocs.yml" "$target/"
if [ -d "$javadoc" ]; then
    cp -R "$javadoc" "$target/pages/javadoc"
else
    echo "note: the site has no Javadoc, $0 --javadoc builds it" >&2
    sed -i '/Javadoc/d' "$target/mkdocs.yml"
fi
(cd "$target" && NO_MKDOCS_2_WARNING=1 python/bin/mkdocs build -q)
echo "$target/html/index.html"
