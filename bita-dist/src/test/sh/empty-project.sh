#!/usr/bin/env bash
# Shows that the Maven artifacts suffice: deploys them to a repository in a temporary folder, makes an empty project beside it whose pom
# names bita-bom and bita-api, and lets ten lines of Java answer.
#   empty-project.sh [MODEL]     a model's name or file; default: the default model
set -euo pipefail
root=$(cd "$(dirname "$0")/../../../.." && pwd)
JAVA_HOME=$("$root/bita" jdk)
export JAVA_HOME
model=${1:-smollm2-135m-instruct}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(sed -n 's|.*<version>\(.*\)</version>.*|\1|p' "$root/bita-bom/pom.xml" | head -1)
own=bita-kernels,bita-model,bita-decode,bita-api
(cd "$root" && mvn -B -q -Prelease -DskipTests -Dspotless.check.skip=true -pl ".,bita-bom,$own" deploy \
    -DaltDeploymentRepository="temporary::file://$work/repository" -Dmaven.install.skip=true) # nothing in the user's repository
ls "$work"/repository/bita/bita-api/*/*.jar

mkdir -p "$work/project/src/main/java"
cat >"$work/project/src/main/java/Ask.java" <<'JAVA'
import bita.api.*;
import bita.api.store.*;

void main(String[] arguments) throws Exception {
    var file = ModelStore.ofUser().resolve(arguments[0], PullOptions.DEFAULT, PullListener.NONE);
    try (var model = LanguageModel.load(file, LoadOptions.automatic()); var session = model.session(SessionOptions.automatic())) {
        var prompt = model.prompt(List.of(Message.user("Why is the sky blue?")));
        IO.println(session.generate(prompt, GenerationOptions.greedy().withMaxTokens(32), AnswerListener.NONE).text());
    }
}
JAVA
cat >"$work/project/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId><artifactId>ask</artifactId><version>1</version>
  <properties>
    <maven.compiler.release>25</maven.compiler.release>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <repositories><repository><id>temporary</id><url>file://$work/repository</url></repository></repositories>
  <dependencyManagement><dependencies>
    <dependency><groupId>bita</groupId><artifactId>bita-bom</artifactId><version>$version</version><type>pom</type><scope>import</scope></dependency>
  </dependencies></dependencyManagement>
  <dependencies>
    <dependency><groupId>bita</groupId><artifactId>bita-api</artifactId></dependency>
  </dependencies>
  <build><plugins>
    <plugin><groupId>org.apache.maven.plugins</groupId><artifactId>maven-compiler-plugin</artifactId><version>3.16.0</version></plugin>
  </plugins></build>
</project>
POM
# A copy of the user's repository, in links, so that little is downloaded and nothing of this is left in it.
local=$(mvn -q help:evaluate -Dexpression=settings.localRepository -DforceStdout)
cp -al "$local" "$work/local" 2>/dev/null || mkdir -p "$work/local"
rm -rf "$work/local/bita"
cd "$work/project"
mvn -B -q -Dmaven.repo.local="$work/local" compile dependency:build-classpath -Dmdep.outputFile=class-path
wc -l src/main/java/Ask.java
"$JAVA_HOME/bin/java" --enable-native-access=ALL-UNNAMED -cp "target/classes:$(cat class-path)" Ask "$model"
