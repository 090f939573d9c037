package bita.tune.train;

import java.io.IOException;
import java.nio.file.Path;

/** Another process that tunes until it is done, fails or is killed, and says each step. */
final class TuningProcess {
    private TuningProcess() {}

    public static void main(String[] args) throws Exception {
        int most = Integer.parseInt(args[4]);
        TinyRun run =
                new TinyRun(Path.of(args[0]), Path.of(args[1]), Integer.parseInt(args[2]), Integer.parseInt(args[3]));
        try {
            run.run(
                    new TinyRun.Silent() {
                        @Override
                        public void step(StepReport report) {
                            System.out.println(report.step());
                            System.out.flush();
                            if (report.step() == most) {
                                waitToBeKilled();
                            }
                        }
                    },
                    () -> false);
        } catch (IOException e) {
            System.out.println(e.getMessage());
        }
    }

    /** Or until whoever started it is gone. */
    private static void waitToBeKilled() {
        try {
            if (System.in.read() < 0) {
                System.exit(1);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /**
     * @param prefix of a shell command that ends with {@code exec}
     * @param most   step behind which it waits to be killed; more than there are for none
     */
    static Process start(TinyRun run, String prefix, int most) throws IOException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        return new ProcessBuilder(
                        "sh",
                        "-c",
                        prefix + " exec \"$0\" \"$@\"",
                        java,
                        "-XX:-UsePerfData",
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx256m",
                        "--add-modules=jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        TuningProcess.class.getName(),
                        run.model().toString(),
                        run.folder().toString(),
                        String.valueOf(run.steps()),
                        String.valueOf(run.threads()),
                        String.valueOf(most))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }
}
