package bita.spark;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import bita.api.AdapterChoice;
import bita.api.Answer;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.Message;
import bita.api.store.Sha256;
import bita.decode.Method;
import bita.decode.SamplingSettings;
import bita.eval.methods.ComparedMethods;
import bita.eval.methods.Evaluation;
import bita.eval.methods.EvaluationListener;
import bita.eval.methods.EvaluationOptions;
import bita.eval.methods.EvaluationResult;
import bita.eval.methods.ResultsFolder;
import bita.eval.methods.RunSettings;
import bita.kernels.CacheFormat;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.TalkingModel;
import bita.model.TinyModel;
import bita.model.Transformer;
import bita.model.file.GgufFile;
import bita.model.file.SafetensorsFile;
import bita.tune.Distillation;
import bita.tune.DistillationListener;
import bita.tune.DistillationSettings;
import bita.tune.QuestionSource;
import bita.tune.data.AnswerFile;
import bita.tune.data.AnswerOrigin;
import bita.tune.data.AnsweredSet;
import bita.tune.data.AnsweredTurn;
import bita.tune.data.Question;
import bita.tune.data.Split;
import bita.tune.train.LocalWorkers;
import bita.tune.train.LossFunction;
import bita.tune.train.StepReport;
import bita.tune.train.TrainingSettings;
import bita.tune.train.Tuning;
import bita.tune.train.ValidationReport;
import bita.tune.train.WindowWorkers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.SparkEnv;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Each job on two executors against the same on one machine, bit for bit, with executors that are killed. */
class JobsTest {
    private static final DistillationSettings DISTILLATION = new DistillationSettings(24, 1, 3, 4);
    private static final DistillJob.Settings JOB = new DistillJob.Settings(DISTILLATION, 3, 2, false);
    private static final TrainingSettings TRAINING =
            new TrainingSettings(4, 3, 0, 8, 5, 2, 20, 0.1, 1e-3, 2, 1, 4, LossFunction.CROSS_ENTROPY, 60, 7);
    private static final Tuning.ValidationSettings VALIDATION = new Tuning.ValidationSettings(9, 60, 100);
    private static final DistillJob.Progress SILENT = new Progress(questions -> {}, new TreeMap<>());

    @TempDir
    static Path home;

    private static LocalCluster spark;
    private static Path modelFile;
    private static String sha256;
    private static ModelReference model;
    private static LanguageModel here;
    private static Path answers; // made here
    private static Path tunedModel; // whose embeddings have a mean
    private static Path circles; // answers to tune it on

    @TempDir
    Path folder;

    /** Hears of answers. */
    private record Progress(AnsweredListener listener, Map<String, String> skips) implements DistillJob.Progress {
        @Override
        public void answered(int questions, int total) {
            listener.answered(questions);
        }

        @Override
        public void skipped(String question, String reason) {
            skips.put(question, reason);
        }
    }

    @FunctionalInterface
    private interface AnsweredListener {
        void answered(int questions);
    }

    @BeforeAll
    static void start() throws Exception {
        modelFile = TalkingModel.write(home.resolve("talking.gguf"));
        sha256 = Sha256.of(modelFile);
        model = new ModelReference(modelFile.toString(), false, sha256, ModelReference.NONE, "", "");
        here = LanguageModel.load(
                modelFile,
                LoadOptions.automatic().withAdapter(new AdapterChoice.None()).withThreads(1));
        answers = home.resolve("expected.jsonl");
        Distillation.run(
                here,
                sha256,
                answers,
                new QuestionSource.Given(questions(40)),
                DISTILLATION,
                DistillationListener.NONE);
        tunedModel = TinyModel.write(home, NumberFormat.Q4_1, 2);
        circles = writeCircles(Sha256.of(tunedModel));
        spark = new LocalCluster(home);
    }

    /** Answers that go round in a circle, so that there is something to learn. */
    private static Path writeCircles(String model) throws IOException {
        Path file = home.resolve("circles.jsonl");
        AnswerOrigin origin = new AnswerOrigin(model, SamplingSettings.greedy());
        Random random = new Random(1);
        try (AnswerFile lines = AnswerFile.open(file, origin)) {
            for (int i = 0; i < 24; i++) {
                int start = random.nextInt(10);
                List<Integer> tokens = IntStream.range(0, 20 + random.nextInt(40))
                        .mapToObj(k -> 10 + (start + k) % 7)
                        .toList();
                boolean _ = lines.append(new AnsweredTurn(
                        "e" + i, List.of(Message.user("x")), List.of(1, 2), tokens, Answer.Finish.STOP, "x"));
            }
        }
        return file;
    }

    @AfterAll
    static void stop() {
        spark.close();
        here.close();
    }

    /** Every fifth of two turns. */
    private static List<Question> questions(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new Question(
                        "q" + i,
                        Optional.empty(),
                        i % 5 == 0 ? List.of("what of " + i, "and then") : List.of("why " + i)))
                .toList();
    }

    private static Map<String, AnsweredTurn> read(Path path) throws IOException {
        Map<String, AnsweredTurn> all = new TreeMap<>();
        try (AnswerFile file = AnswerFile.open(path, new AnswerOrigin(sha256, DISTILLATION.answering()))) {
            assertThat(file.duplicates()).isZero();
            file.forEach(answer -> all.put(answer.id() + " " + answer.turn(), answer));
        }
        return all;
    }

    private DistillJob.Result distill(
            DistillJob.Settings settings, List<Question> questions, Path output, DistillJob.Progress progress)
            throws IOException, JobException {
        try (WorkFolder work = new WorkFolder()) {
            return new DistillJob(spark.cluster(), spark.storage(), settings, progress)
                    .run(model, questions, output.toString(), work.path());
        }
    }

    /** All answers of an output, in one file. */
    private Path fetched(Path output) throws IOException {
        Path file = folder.resolve("fetched.jsonl");
        spark.storage().fetch(output.toString(), file);
        return file;
    }

    @Test
    void answersAreThoseOfOneMachineThoughAnExecutorIsLost() throws Exception {
        int kinds = Math.min(KernelsProvider.instructionSets().size(), 2);
        if (kinds == 2) {
            spark.mix(model);
        }
        DistillTask.Piece piece =
                new DistillTask.Piece(List.of(DistillTask.Asked.of(questions(1).getFirst())), List.of());
        // Both executors have the model then, so that neither can be done before the other begins.
        spark.cluster().run(Collections.nCopies(6, piece), new DistillTask(model, DISTILLATION), (number, value) -> {});
        List<Executors.Work> before = spark.cluster().works();
        AtomicInteger kills = new AtomicInteger();
        Path output = folder.resolve("answers");
        DistillJob.Result result = distill(
                JOB,
                questions(40),
                output,
                new Progress(
                        done -> {
                            if (answering(before).size() >= kinds && kills.getAndIncrement() == 0) {
                                LocalCluster.killAnExecutor();
                            }
                        },
                        new TreeMap<>()));

        assertThat(kills).as("reports since an executor was killed").hasPositiveValue();
        assertThat(result.answers()).isEqualTo(48);
        assertThat(result.skipped()).isZero();
        assertThat(read(fetched(output))).isEqualTo(read(answers));
    }

    /** Kernels of the executors that have done something since then. */
    private static Set<String> answering(List<Executors.Work> before) {
        return spark.cluster().works().stream()
                .filter(work -> !before.contains(work))
                .map(work -> work.executor().kernels())
                .collect(Collectors.toSet());
    }

    @Test
    void goesOnWhereItWasAndAsksNothingTwice() throws Exception {
        Path output = folder.resolve("answers");
        distill(JOB, questions(40).subList(0, 12), output, SILENT);

        DistillJob.Result rest = distill(JOB, questions(40), output, SILENT);
        DistillJob.Result nothing = distill(JOB, questions(40), output, SILENT);

        assertThat(rest.answersBefore()).isEqualTo(15);
        assertThat(rest.answers()).isEqualTo(33);
        assertThat(nothing.answers()).isZero();
        assertThat(read(fetched(output))).isEqualTo(read(answers));
    }

    @Test
    void aPoisonedQuestionIsSkippedWithinTheLimit() throws Exception {
        List<Question> questions = new ArrayList<>(questions(8));
        questions.add(4, new Question("nan", Optional.empty(), List.of("a" + TalkingModel.POISON)));
        questions.add(5, new Question("long", Optional.empty(), List.of("b".repeat(2 * TalkingModel.CONTEXT))));
        Progress progress = new Progress(done -> {}, new TreeMap<>());

        DistillJob.Result result = distill(JOB, questions, folder.resolve("answers"), progress);

        assertThat(result.answers()).isEqualTo(10);
        assertThat(progress.skips()).containsOnlyKeys("nan", "long");
        assertThat(progress.skips().get("long")).contains("context");
        Path output = folder.resolve("fewer");
        DistillJob.Settings fewer = new DistillJob.Settings(DISTILLATION, 3, 1, false);
        assertThatThrownBy(() -> distill(fewer, questions, output, SILENT))
                .isInstanceOf(JobException.class)
                .hasMessageContaining("2 questions have no answer, and 1 are allowed");
        assertThat(read(fetched(output))).as("what was answered").isNotEmpty();
    }

    @Test
    void parquetHoldsTheSame() throws Exception {
        Path output = folder.resolve("parquet");
        DistillJob.Settings parquet = new DistillJob.Settings(DISTILLATION, 3, 2, true);
        distill(parquet, questions(10).subList(0, 5), output, SILENT);
        distill(parquet, questions(10), output, SILENT);

        Map<String, AnsweredTurn> expected = read(answers);
        Map<String, AnsweredTurn> found = read(fetched(output));
        assertThat(found).hasSize(12);
        assertThat(found.entrySet()).isSubsetOf(expected.entrySet());
    }

    @Test
    void refusesAnotherModelFile() {
        ModelReference other =
                new ModelReference(modelFile.toString(), false, "f".repeat(64), ModelReference.NONE, "", "");
        assertThatThrownBy(() -> spark.cluster()
                        .one(
                                new DistillTask.Piece(
                                        List.of(DistillTask.Asked.of(
                                                questions(1).getFirst())),
                                        List.of()),
                                new DistillTask(other, DISTILLATION)))
                .isInstanceOf(JobException.class)
                .hasMessageContaining("another file than the driver's")
                .hasMessageContaining("--distribute");
    }

    @Test
    void aModelComesWithTheJob() throws Exception {
        spark.cluster().spark().addFile(modelFile.toString());
        ModelReference shipped = new ModelReference("talking.gguf", true, sha256, ModelReference.NONE, "", "");
        DistillTask.Answers answered = spark.cluster()
                .one(
                        new DistillTask.Piece(
                                List.of(DistillTask.Asked.of(questions(1).getFirst())), List.of()),
                        new DistillTask(shipped, DISTILLATION));
        assertThat(answered.lines()).hasSize(2);
    }

    /** The driver stops in the middle, and another goes on; an executor is killed before and after. */
    @Test
    void theAdapterIsThatOfOneMachine() throws Exception {
        Kernels kernels = LocalCluster.plainest()
                .map(isa -> KernelsProvider.best(Optional.of(isa)).kernels())
                .orElseGet(() -> KernelsProvider.best().kernels());
        float[] expected;
        try (ThreadTeam team = new ThreadTeam(2);
                Transformer transformer = Transformer.load(GgufFile.open(tunedModel), kernels, team)) {
            Engine engine = new Engine(transformer, kernels, team, Optional.empty());
            AnsweredSet set =
                    AnsweredSet.read(circles, transformer.config().vocabulary(), AnsweredSet.SHORTEST, Split.DEFAULT);
            try (WindowWorkers workers = new LocalWorkers(engine, TRAINING)) {
                Tuning.Result result = new Tuning(workers, TRAINING, VALIDATION, new Listener(0, 0))
                        .run(set, folder.resolve("checkpoint"), folder.resolve("log"), () -> false);
                expected = result.tokens().all().toArray(JAVA_FLOAT);
            }
        }

        Path output = folder.resolve("adapter.safetensors");
        assertThatThrownBy(() -> tune(output, new Listener(4, 8)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the driver has stopped");
        Listener second = new Listener(13, 0);
        TuneJob.Result result = tune(output, second);

        assertThat(second.started).isEqualTo(8);
        assertThat(result.tuning().steps()).isEqualTo(20);
        assertThat(result.tuning().tokens().all().toArray(JAVA_FLOAT)).isEqualTo(expected);
        assertThat(result.adapter().calibration().masks()).isEqualTo(3);
        try (SafetensorsFile adapter = SafetensorsFile.open(output)) {
            assertThat(adapter.find("mask.embedding")).isPresent();
        }
        try (var state = Files.list(folder.resolve("adapter.safetensors.tuning"))) {
            assertThat(state.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("checkpoint-00000020.safetensors", "log.jsonl");
        }
    }

    private static TuneJob.Result tune(Path output, Tuning.Listener listener) throws IOException, JobException {
        return tune(output, LocalCluster.plainest().map(Enum::name).orElse(""), listener);
    }

    private static TuneJob.Result tune(Path output, String isa, Tuning.Listener listener)
            throws IOException, JobException {
        ModelReference reference =
                new ModelReference(tunedModel.toString(), false, Sha256.of(tunedModel), ModelReference.NONE, "", isa);
        try (WorkFolder work = new WorkFolder()) {
            return new TuneJob(spark.cluster(), spark.storage(), TRAINING, VALIDATION, listener)
                    .run(
                            new ModelChoice.Found(tunedModel, reference),
                            circles.toString(),
                            output.toString(),
                            work.path());
        }
    }

    /** Kills an executor behind one step, and the driver behind another; never behind step 0. */
    private static final class Listener implements Tuning.Listener {
        private final int executorLost;
        private final int driverStops;
        private int started;

        Listener(int executorLost, int driverStops) {
            this.executorLost = executorLost;
            this.driverStops = driverStops;
        }

        @Override
        public void started(int steps) {
            started = steps;
        }

        @Override
        public void step(StepReport report) {
            if (report.step() == executorLost) {
                LocalCluster.killAnExecutor();
            }
            if (report.step() == driverStops) {
                throw new IllegalStateException("the driver has stopped");
            }
        }

        @Override
        public void validated(ValidationReport report) {}
    }

    @Test
    void tuningRefusesMixedKernels() throws Exception {
        assumeTrue(
                KernelsProvider.instructionSets().size() > 1,
                "this machine has one instruction set, so that its executors cannot differ");
        spark.mix(model);
        assertThatThrownBy(() -> tune(folder.resolve("mixed.safetensors"), "", new Listener(0, 0)))
                .isInstanceOf(JobException.class)
                .hasMessageContaining("whose last bits are others")
                .hasMessageContaining("--isa");
    }

    @Test
    void comparedAnswersAreThoseOfOneMachine() throws Exception {
        List<bita.eval.Question> suite = IntStream.range(0, 36)
                .mapToObj(i -> new bita.eval.Question(
                        Integer.toString(i),
                        i % 2 == 0 ? "even" : "odd",
                        i % 9 == 0 ? List.of("first " + i, "second " + i) : List.of("only " + i + " and only " + i)))
                .toList();
        EvaluationOptions options = new EvaluationOptions(
                1, 1, 16, SamplingSettings.greedy(), OptionalInt.empty(), OptionalInt.empty(), CacheFormat.F16);
        ComparedMethods compared = ComparedMethods.of(
                List.of(Method.parse("lookup"), Method.parse("recycling")),
                here.defaultMethod(),
                Optional.empty(),
                options);
        Path one = folder.resolve("one");
        RunSettings settings = RunSettings.of(here, sha256, Path.of("suite"), suite, compared, options, "a processor");
        try (ResultsFolder results = ResultsFolder.open(one, false, settings, suite)) {
            Evaluation.run(here, suite, compared, options, results, EvaluationListener.NONE);
        }

        Path many = folder.resolve("many");
        EvalJob.Settings job =
                new EvalJob.Settings(options, "suite", compared.names().subList(1, 3), 4, 0, "bita eval");
        List<bita.eval.Question> poisoned = new ArrayList<>(suite);
        poisoned.add(new bita.eval.Question("nan", "odd", List.of("a" + TalkingModel.POISON)));
        assertThatThrownBy(() -> evaluate(job, poisoned, folder.resolve("poisoned")))
                .isInstanceOf(JobException.class)
                .hasMessageContaining("question nan");
        EvaluationResult result = evaluate(job, suite, many);

        assertThat(result.identical()).isTrue();
        assertThat(result.rows(bita.eval.methods.ResultRow.ALL)).allMatch(row -> row.prompts() == 40);
        assertThat(many.resolve("report.html")).isNotEmptyFile();
        Path journal = folder.resolve("journal.jsonl");
        spark.storage().growing(journal, many + "/_journal", ".jsonl");
        assertThat(tokens(journal)).hasSize(120).isEqualTo(tokens(one.resolve("journal.jsonl")));
        assertThatThrownBy(() -> evaluate(job, suite, many)).hasMessageContaining("finished run");
    }

    private static EvaluationResult evaluate(EvalJob.Settings job, List<bita.eval.Question> suite, Path output)
            throws IOException, JobException {
        try (WorkFolder work = new WorkFolder()) {
            return new EvalJob(spark.cluster(), spark.storage(), job, (done, total) -> {})
                    .run(model, suite, output.toString(), work.path());
        }
    }

    /** By question, turn and method. */
    private static Map<String, String> tokens(Path journal) throws IOException {
        Map<String, String> tokens = new TreeMap<>();
        for (String line : Files.readAllLines(journal)) {
            JsonNode json = JsonMapper.shared().readTree(line);
            if (json.has("token_ids")) {
                String key = json.get("question") + " " + json.get("turn") + " " + json.get("method");
                assertThat(tokens.put(key, json.get("token_ids").toString()))
                        .as(key)
                        .isNull();
            }
        }
        return tokens;
    }

    @Test
    void aProcessLoadsAModelOnce() throws Exception {
        ModelReference reference = model;
        Task<Integer, String> task = piece -> {
            Transformer weights = SharedModel.tuned(reference, SharedModel.kernels(reference));
            String executor = SparkEnv.get().executorId();
            return new Task.Result<>(executor + " has " + System.identityHashCode(weights), "none");
        };
        Set<String> seen = new TreeSet<>();

        spark.cluster().run(IntStream.range(0, 12).boxed().toList(), task, (number, said) -> seen.add(said));

        assertThat(seen).as("executors and their models").hasSizeLessThanOrEqualTo(2);
    }

    /** In this process, where Spark has no part in it. */
    @Test
    void aQuestionThatBreaksItsBatchIsFound() throws Exception {
        List<DistillTask.Asked> asked = new ArrayList<>();
        questions(4).forEach(question -> asked.add(DistillTask.Asked.of(question)));
        asked.add(2, new DistillTask.Asked("half", "", List.of("half a pair \ud800")));

        DistillTask.Answers found =
                new DistillTask(model, DISTILLATION).answer(here, new DistillTask.Piece(asked, List.of()));

        assertThat(found.skipped().keySet()).isEqualTo(Set.of("half"));
        assertThat(found.lines()).hasSize(5);
    }
}
