package bita.examples;

import static org.assertj.core.api.Assertions.assertThat;

import bita.model.TalkingModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each example runs. */
class ExamplesTest {
    @TempDir
    static Path folder;

    private static String model;

    @BeforeAll
    static void write() throws IOException {
        model = TalkingModel.write(folder.resolve("talking.gguf")).toString();
    }

    private interface Main {
        void run(String[] arguments) throws Exception;
    }

    private static String output(Main main, String... arguments) throws Exception {
        PrintStream usual = System.out;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            main.run(arguments);
        } finally {
            System.setOut(usual);
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Test
    void askPrintsAnAnswer() throws Exception {
        assertThat(output(Ask::main, "Hello", model)).matches("( ?[a-z]+)+\\R");
    }

    @Test
    void streamPrintsAnAnswerAndWhatItTook() throws Exception {
        assertThat(output(Stream::main, "Hello", model))
                .matches("(?s) ?[a-z]+ .*\\R\\R\\d+ tokens in \\d+ steps .* per second; ended by (STOP|LENGTH)\\R");
    }

    @Test
    void manyCallersPrintsAllAnswers() throws Exception {
        assertThat(output(ManyCallers::main, model).lines())
                .hasSize(8)
                .allMatch(line -> line.matches("[a-z ]+: ( ?[a-z]+)+"));
    }

    @Test
    void langChainChatPrintsBothAnswers() throws Exception {
        assertThat(output(LangChainChat::main, model)).contains("modelName='talking'", "\nTokenUsage {");
    }
}
