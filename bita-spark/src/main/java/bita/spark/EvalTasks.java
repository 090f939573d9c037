package bita.spark;

import bita.api.LanguageModel;
import bita.decode.Adapter;
import bita.decode.Method;
import bita.decode.SamplingSettings;
import bita.eval.Question;
import bita.eval.methods.ComparedMethods;
import bita.eval.methods.DistributedEvaluation;
import bita.eval.methods.EvaluationOptions;
import bita.eval.methods.EvaluationResult.SkippedQuestion;
import bita.eval.methods.RunSettings;
import bita.kernels.CacheFormat;
import bita.model.template.TemplateException;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;

/** What executors do in a comparison of methods. */
final class EvalTasks {
    private static final int NONE = -1;

    private EvalTasks() {}

    /**
     * {@link EvaluationOptions} on their way.
     *
     * @param rows    {@value #NONE} for each method's own
     * @param context {@value #NONE} for what the model was trained for
     */
    record Options(
            int repetitions,
            int maxTokens,
            double temperature,
            int topK,
            double topP,
            double minP,
            long seed,
            int rows,
            int context,
            CacheFormat cacheFormat)
            implements Serializable {
        static Options of(EvaluationOptions options) {
            SamplingSettings sampling = options.sampling();
            return new Options(
                    options.repetitions(),
                    options.maxTokens(),
                    sampling.temperature(),
                    sampling.topK(),
                    sampling.topP(),
                    sampling.minP(),
                    sampling.seed(),
                    options.rows().orElse(NONE),
                    options.context().orElse(NONE),
                    options.cacheFormat());
        }

        EvaluationOptions options() {
            return new EvaluationOptions(
                    1,
                    repetitions,
                    maxTokens,
                    new SamplingSettings(temperature, topK, topP, minP, seed),
                    optional(rows),
                    optional(context),
                    cacheFormat);
        }

        private static OptionalInt optional(int number) {
            return number == NONE ? OptionalInt.empty() : OptionalInt.of(number);
        }
    }

    /**
     * What a comparison is about.
     *
     * @param settings of the run
     * @param methods  that can run, by name, plain decoding first
     * @param leftOut  a sentence for each that cannot
     * @param notes    what else to know
     */
    record Plan(LinkedHashMap<String, String> settings, List<String> methods, List<String> leftOut, List<String> notes)
            implements Serializable {
        ComparedMethods compared() {
            return new ComparedMethods(methods.stream().map(Method::parse).toList(), leftOut);
        }

        RunSettings runSettings() {
            return new RunSettings(settings);
        }
    }

    /**
     * Finds what can be compared.
     *
     * @param suite   name of the questions' file
     * @param methods asked for, by name; empty for the standard ones
     * @param perTask questions of a task
     */
    record Planning(ModelReference model, Options options, String suite, List<String> methods, int perTask)
            implements Task<Questions, Plan> {
        @Override
        public Result<Plan> run(Questions questions) throws JobException {
            try (LanguageModel loaded = SharedModel.talking(model)) {
                ComparedMethods compared = ComparedMethods.of(
                        methods.stream().map(Method::parse).toList(),
                        loaded.defaultMethod(),
                        loaded.adapter().map(Adapter::masks),
                        options.options());
                RunSettings settings = RunSettings.ofManyMachines(
                        loaded,
                        model.sha256(),
                        Path.of(suite),
                        List.copyOf(questions.numbered().values()),
                        compared,
                        options.options(),
                        perTask);
                return new Result<>(
                        new Plan(
                                new LinkedHashMap<>(settings.values()),
                                compared.names(),
                                compared.leftOut(),
                                loaded.notices()),
                        loaded.kernels().describe());
            } catch (IOException | IllegalArgumentException e) {
                throw new JobException(String.valueOf(e.getMessage()), e);
            }
        }
    }

    /** Questions by index in the suite. */
    record Questions(TreeMap<Integer, Question> numbered) implements Serializable {}

    /** Measures some questions. */
    record Measuring(ModelReference model, Options options, List<String> methods)
            implements Task<Questions, DistributedEvaluation.Part> {
        @Override
        public Result<DistributedEvaluation.Part> run(Questions questions) throws JobException, InterruptedException {
            try (LanguageModel loaded = SharedModel.talking(model)) {
                return new Result<>(measure(loaded, questions), loaded.kernels().describe());
            }
        }

        /** A question that breaks the part is found by measuring each alone. */
        DistributedEvaluation.Part measure(LanguageModel loaded, Questions questions)
                throws JobException, InterruptedException {
            try {
                return part(loaded, questions.numbered());
            } catch (RuntimeException e) {
                List<String> measurements = new ArrayList<>();
                List<SkippedQuestion> skipped = new ArrayList<>();
                for (Map.Entry<Integer, Question> one : questions.numbered().entrySet()) {
                    try {
                        DistributedEvaluation.Part alone =
                                part(loaded, new TreeMap<>(Map.of(one.getKey(), one.getValue())));
                        measurements.addAll(alone.measurements());
                        skipped.addAll(alone.skipped());
                    } catch (RuntimeException cause) {
                        skipped.add(new SkippedQuestion(one.getValue().id(), 1, String.valueOf(cause.getMessage())));
                    }
                }
                return new DistributedEvaluation.Part(measurements, skipped);
            }
        }

        private DistributedEvaluation.Part part(LanguageModel loaded, SortedMap<Integer, Question> questions)
                throws JobException, InterruptedException {
            ComparedMethods compared =
                    new ComparedMethods(methods.stream().map(Method::parse).toList(), List.of());
            try {
                return DistributedEvaluation.measure(loaded, questions, compared, options.options());
            } catch (IOException | TemplateException e) {
                throw new JobException(String.valueOf(e.getMessage()), e);
            }
        }
    }
}
