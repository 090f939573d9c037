package bita.eval.methods;

import bita.api.LanguageModel;
import bita.api.store.Sha256;
import bita.decode.Adapter;
import bita.eval.Question;
import bita.kernels.NumberFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;

/**
 * All that the measurements of a run have in common. Only what agrees in all of it may be compared.
 *
 * @param values by names in snake case, in the order to show
 */
public record RunSettings(Map<String, String> values) {
    public RunSettings {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /**
     * The settings of a run on this machine.
     *
     * @param modelSha256 of the model file
     * @param suite       file of the questions
     * @param processor   this machine's, as people call it
     * @throws IOException if the adapter cannot be hashed, for want of room for its copy
     */
    public static RunSettings of(
            LanguageModel model,
            String modelSha256,
            Path suite,
            List<Question> questions,
            ComparedMethods methods,
            EvaluationOptions options,
            String processor)
            throws IOException {
        Map<String, String> values = new LinkedHashMap<>();
        values.put("model", name(model.path()));
        values.put("model_sha256", modelSha256);
        values.put("adapter", model.adapter().map(Adapter::origin).orElse("none"));
        if (model.adapter().isPresent()) {
            values.put("adapter_sha256", sha256(model.adapter().get()));
        }
        values.put("suite", name(suite));
        values.put("questions", Integer.toString(questions.size()));
        values.put("questions_sha256", sha256(questions));
        values.put("methods", String.join(", ", methods.names()));
        values.put("rows", text(options.rows(), "each method's own"));
        values.put("batch", Integer.toString(options.batch()));
        values.put("repetitions", Integer.toString(options.repetitions()));
        values.put("max_tokens", Integer.toString(options.maxTokens()));
        values.put("sampling", options.sampling().describe());
        values.put("context", text(options.context(), "the model's"));
        values.put("cache_type", lower(options.cacheFormat()));
        values.putAll(machine(model, processor));
        return new RunSettings(values);
    }

    private static Map<String, String> machine(LanguageModel model, String processor) {
        Map<String, String> values = new LinkedHashMap<>();
        values.put("threads", Integer.toString(model.threads()));
        values.put("backend", lower(model.kernels().kernels().backend()));
        values.put("instruction_set", lower(model.kernels().kernels().instructionSet()));
        values.put("processor", processor);
        values.put("processors", Integer.toString(Runtime.getRuntime().availableProcessors()));
        values.put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        values.put("java", Runtime.version().toString());
        return values;
    }

    /**
     * The settings of a run on many machines, of which only the threads of a part are said.
     *
     * @param questionsPerPart that are measured together, with sources that learn from one to the next
     */
    public static RunSettings ofManyMachines(
            LanguageModel model,
            String modelSha256,
            Path suite,
            List<Question> questions,
            ComparedMethods methods,
            EvaluationOptions options,
            int questionsPerPart)
            throws IOException {
        Map<String, String> values = new LinkedHashMap<>(
                of(model, modelSha256, suite, questions, methods, options, "").values());
        values.keySet().removeAll(machine(model, "").keySet());
        values.put("threads", Integer.toString(model.threads()));
        values.put("processor", "many machines");
        values.put("questions_per_part", Integer.toString(questionsPerPart));
        return new RunSettings(values);
    }

    private static String name(Path file) {
        Path name = file.getFileName();
        return (name == null ? file : name).toString();
    }

    private static String text(OptionalInt value, String otherwise) {
        return value.isPresent() ? Integer.toString(value.getAsInt()) : otherwise;
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /** Of the adapter as a file in F32, wherever it came from: a shipped one has no file. */
    private static String sha256(Adapter adapter) throws IOException {
        Path copy = Files.createTempFile("bita-adapter", ".safetensors");
        try {
            adapter.write(copy, NumberFormat.F32, true);
            return Sha256.of(copy);
        } finally {
            Files.deleteIfExists(copy);
        }
    }

    private static String sha256(List<Question> questions) {
        MessageDigest digest = Sha256.digest();
        for (Question question : questions) {
            add(digest, question.id());
            add(digest, question.category());
            digest.update(ByteBuffer.allocate(Integer.BYTES)
                    .putInt(0, question.turns().size()));
            question.turns().forEach(turn -> add(digest, turn));
        }
        return Sha256.hex(digest);
    }

    private static void add(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, bytes.length));
        digest.update(bytes);
    }

    /** A name as people read it. */
    static String label(String name) {
        return name.replace('_', ' ').replace("sha256", "SHA-256");
    }

    /**
     * What differs from the settings of a run that has begun, for instance {@code max tokens 128, not 32}.
     *
     * @return empty if they agree
     */
    List<String> differencesFrom(RunSettings begun) {
        Set<String> names = new LinkedHashSet<>(begun.values.keySet());
        names.addAll(values.keySet());
        List<String> differences = new ArrayList<>();
        for (String name : names) {
            String then = Objects.requireNonNullElse(begun.values.get(name), "unknown");
            String now = Objects.requireNonNullElse(values.get(name), "unknown");
            if (!then.equals(now)) {
                differences.add(label(name) + " " + then + ", not " + now);
            }
        }
        return differences;
    }
}
