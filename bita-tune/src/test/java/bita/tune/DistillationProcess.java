package bita.tune;

import bita.api.AdapterChoice;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import java.io.IOException;
import java.nio.file.Path;

/** Another process that distils until it is done or killed, and says how many answers there are. */
final class DistillationProcess {
    private DistillationProcess() {}

    public static void main(String[] args) throws Exception {
        LoadOptions options =
                LoadOptions.automatic().withAdapter(new AdapterChoice.None()).withThreads(1);
        try (LanguageModel model = LanguageModel.load(Path.of(args[0]), options)) {
            Distillation.run(
                    model,
                    DistillationTest.SHA256,
                    Path.of(args[1]),
                    new QuestionSource.SelfAsked(DistillationTest.COUNT),
                    DistillationTest.settings(6),
                    new DistillationListener() {
                        @Override
                        public void progress(int answers, int total, long tokens) {
                            System.out.println(answers);
                            System.out.flush();
                        }
                    });
        }
    }

    static Process start(Path model, Path output) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx512m",
                        "--add-modules=jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        DistillationProcess.class.getName(),
                        model.toString(),
                        output.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }
}
