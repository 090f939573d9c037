package bita.tune.data;

import java.io.IOException;
import java.nio.file.Path;

/** Another process that writes answers until it is stopped or fails, and says what it has written. */
final class AnswerWriter {
    private AnswerWriter() {}

    public static void main(String[] args) throws IOException {
        try (AnswerFile file = AnswerFile.open(Path.of(args[0]), Answers.GREEDY)) {
            for (int i = file.size(); ; i++) {
                file.append(Answers.answer(i));
                System.out.println(i);
                System.out.flush();
            }
        } catch (IOException e) {
            System.out.println(e.getMessage());
        }
    }

    /** @param prefix of a shell command that ends with {@code exec} */
    static Process start(Path file, String prefix) throws IOException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        return new ProcessBuilder(
                        "sh",
                        "-c",
                        prefix
                                + " exec \"$0\" -XX:-UsePerfData -XX:TieredStopAtLevel=1 -Xmx256m -cp \"$1\" \"$2\" \"$3\"",
                        java,
                        System.getProperty("java.class.path"),
                        AnswerWriter.class.getName(),
                        file.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }
}
