package bita.api;

import bita.decode.Adapter;
import bita.decode.BatchDecoder;
import bita.decode.DecodingSession;
import bita.decode.DecodingSettings;
import bita.decode.Method;
import bita.kernels.CacheFormat;
import bita.kernels.KernelsProvider;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.MaskTokens;
import bita.model.MemoryNeed;
import bita.model.ModelConfig;
import bita.model.ModelFiles;
import bita.model.Transformer;
import bita.model.file.ModelFile;
import bita.model.template.ChatTemplate;
import bita.model.template.TemplateException;
import bita.model.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A language model, loaded and ready. Immutable and safe to share; each conversation has a {@link Session} of its own,
 * many prompts at once a {@link Batch}.
 *
 * <pre>{@code
 * try (LanguageModel model = LanguageModel.load(path, LoadOptions.automatic());
 *         Session session = model.session(SessionOptions.automatic())) {
 *     int[] prompt = model.prompt(List.of(Message.user("Why is the sky blue?")));
 *     Answer answer = session.generate(prompt, GenerationOptions.greedy(), AnswerListener.NONE);
 * }
 * }</pre>
 */
public final class LanguageModel implements AutoCloseable {
    private final Path path;
    private final Tokenizer tokenizer;
    private final SharedIndex index;
    private final Optional<ChatTemplate> template;
    private final Engine engine;
    private final Tuning tuning;
    private final KernelsProvider.Choice kernels;
    private final ModelCosts costs;
    private final boolean ownsWeights;

    /** What an adapter choice led to. */
    private record Tuning(
            AdapterChoice choice, Optional<Adapter> adapter, Optional<MaskTokens> maskTokens, List<String> notices) {
        static Tuning choose(AdapterChoice choice, Path path, ModelConfig config) throws IOException {
            List<String> notices = new ArrayList<>();
            Optional<Adapter> adapter = Adapters.choose(choice, path, config, notices);
            return new Tuning(choice, adapter, adapter.map(found -> found.maskTokens(config)), List.copyOf(notices));
        }
    }

    private LanguageModel(
            Path path,
            Tokenizer tokenizer,
            SharedIndex index,
            Optional<ChatTemplate> template,
            Engine engine,
            Tuning tuning,
            KernelsProvider.Choice kernels,
            CostChoice costs,
            boolean ownsWeights) {
        this.path = path;
        this.tokenizer = tokenizer;
        this.index = index;
        this.template = template;
        this.engine = engine;
        this.tuning = tuning;
        this.kernels = kernels;
        this.costs = new ModelCosts(costs, engine);
        this.ownsWeights = ownsWeights;
    }

    /**
     * Loads a GGUF model.
     *
     * @throws IOException if the file or the adapter cannot be read or does not fit; the message says what to do
     * @throws InsufficientMemoryException if the machine's memory cannot hold the model with the shortest context
     * @throws UnsupportedOperationException if the chosen kernels do not run here
     */
    public static LanguageModel load(Path path, LoadOptions options) throws IOException {
        return load(path, options, OptionalInt.of(2), CacheFormat.F16, 1);
    }

    /**
     * As {@link #load(Path, LoadOptions)}, for a session that is known already.
     *
     * @throws IllegalArgumentException if the session's context is larger than what the model was trained for
     * @throws InsufficientMemoryException if the machine's memory cannot hold the model with such a session; nothing
     *     but the file's header has been read then
     */
    public static LanguageModel load(Path path, LoadOptions options, SessionOptions session) throws IOException {
        return load(path, options, session.context(), session.cacheFormat(), 1);
    }

    /**
     * As {@link #load(Path, LoadOptions)}, for a batch that is known already.
     *
     * @throws IllegalArgumentException if the batch's context is larger than what the model was trained for
     * @throws InsufficientMemoryException if the machine's memory cannot hold the model with such a batch; nothing but
     *     the file's header has been read then
     */
    public static LanguageModel load(Path path, LoadOptions options, BatchOptions batch) throws IOException {
        return load(path, options, batch.context(), batch.cacheFormat(), batch.caches());
    }

    private static LanguageModel load(
            Path path, LoadOptions options, OptionalInt context, CacheFormat cacheFormat, int sequences)
            throws IOException {
        ModelFile file = ModelFiles.open(path);
        try {
            InsufficientMemoryException.check(
                    MemoryNeed.of(file, context, cacheFormat).withSequences(sequences), sequences);
            return load(path, file, options, context);
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            file.close();
            throw e;
        }
    }

    /**
     * Makes the tokenizer, which takes one thread and seconds where the vocabulary is large, while kernels are linked and
     * weights packed.
     */
    private static LanguageModel load(Path path, ModelFile file, LoadOptions options, OptionalInt context)
            throws IOException {
        try (Background<Tokenizer> tokenizing =
                new Background<>("bita-tokenizer", () -> ModelFiles.tokenizer(file), Tokenizer::close)) {
            KernelsProvider.Choice kernels = kernels(options);
            Optional<ChatTemplate> template = ModelFiles.template(file);
            ThreadTeam team = new ThreadTeam(options.threads());
            try {
                Transformer transformer = Transformer.load(file, context, kernels.kernels(), team);
                try {
                    Tuning tuning = Tuning.choose(options.adapter(), path, transformer.config());
                    Engine engine = new Engine(transformer, kernels.kernels(), team, tuning.maskTokens());
                    Tokenizer tokenizer = tokenizing.take();
                    return new LanguageModel(
                            path,
                            tokenizer,
                            new SharedIndex(tokenizer),
                            template,
                            engine,
                            tuning,
                            kernels,
                            options.costs(),
                            true);
                } catch (IOException | RuntimeException | OutOfMemoryError e) {
                    tokenizing.discard(); // it reads the file
                    transformer.close();
                    throw e;
                }
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                team.close();
                throw e;
            }
        }
    }

    private static KernelsProvider.Choice kernels(LoadOptions options) {
        return options.backend().isPresent()
                ? KernelsProvider.of(options.backend().get(), options.instructionSet())
                : KernelsProvider.best(options.instructionSet());
    }

    /**
     * The same model with another adapter, other kernels or other threads. Nothing is loaded anew but an adapter, and the
     * weights stay in the ownership of this model: it must be closed after the new one, whose {@link #close} ends only
     * its own threads.
     *
     * @throws IOException if another adapter is chosen and cannot be read or does not fit
     * @throws UnsupportedOperationException if the chosen kernels do not run here
     */
    public LanguageModel sharing(LoadOptions options) throws IOException {
        KernelsProvider.Choice chosen = kernels(options);
        Tuning other =
                options.adapter().equals(tuning.choice()) ? tuning : Tuning.choose(options.adapter(), path, config());
        Engine shared =
                new Engine(engine.model(), chosen.kernels(), new ThreadTeam(options.threads()), other.maskTokens());
        return new LanguageModel(path, tokenizer, index, template, shared, other, chosen, options.costs(), false);
    }

    /** The model's file or folder. */
    public Path path() {
        return path;
    }

    public ModelConfig config() {
        return engine.model().config();
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The adapter in use. */
    public Optional<Adapter> adapter() {
        return tuning.adapter();
    }

    /** The kernels in use, and why no better ones. */
    public KernelsProvider.Choice kernels() {
        return kernels;
    }

    public int threads() {
        return engine.team().threads();
    }

    /** Bytes of the packed weights. */
    public long weightBytes() {
        return engine.model().weightBytes();
    }

    /** What the user should know, a sentence each: slow kernels, an adapter of another quantization. */
    public List<String> notices() {
        List<String> notices = new ArrayList<>(kernels.reasons());
        notices.addAll(tuning.notices());
        if (template.isEmpty()) {
            notices.add("the model has no chat template, so that it continues texts instead of answering questions");
        }
        return List.copyOf(notices);
    }

    /** How the model writes conversations; empty if neither its file nor its family says so. */
    public Optional<ChatTemplate> chatTemplate() {
        return template;
    }

    /** What the chat template is given besides the messages: {@code bos_token} and {@code eos_token}. */
    public Map<String, String> templateVariables() {
        Map<String, String> variables = new LinkedHashMap<>();
        tokenizer.bos().ifPresent(id -> variables.put("bos_token", tokenizer.text(id)));
        tokenizer.eos().ifPresent(id -> variables.put("eos_token", tokenizer.text(id)));
        return variables;
    }

    /**
     * The tokens of a conversation that the model is to continue, in its chat template.
     *
     * @throws TemplateException if the model has no chat template, or its template refuses the messages
     */
    public int[] prompt(List<Message> messages) throws TemplateException {
        if (template.isEmpty()) {
            throw new TemplateException("the model has no chat template: give it plain text (--raw)");
        }
        Map<String, Object> variables = new LinkedHashMap<>(templateVariables());
        variables.put("messages", messages.stream().map(Message::variables).toList());
        variables.put("add_generation_prompt", true);
        return tokenizer.encode(template.get().render(variables, Clock.system(ZoneId.systemDefault())), true);
    }

    /**
     * As {@link #prompt}; where the model has no chat template, the texts one behind the other, a blank line after each:
     * models that were not tuned for chats continue text.
     *
     * @throws TemplateException if the model's template refuses the messages
     */
    public int[] promptOfQuestion(List<Message> messages) throws TemplateException {
        if (template.isPresent()) {
            return prompt(messages);
        }
        StringBuilder text = new StringBuilder();
        messages.forEach(message -> text.append(message.content()).append("\n\n"));
        return promptOfText(text.toString());
    }

    /** The tokens of plain text, which holds no special tokens, with the model's first token if it asks for one. */
    public int[] promptOfText(String text) {
        int[] tokens = tokenizer.encode(text, false);
        if (!tokenizer.addsBos()) {
            return tokens;
        }
        int[] prompt = new int[tokens.length + 1];
        prompt[0] = tokenizer.bos().getAsInt();
        System.arraycopy(tokens, 0, prompt, 1, tokens.length);
        return prompt;
    }

    /** The method a session uses unless told otherwise: {@link Method#DEFAULT} with an adapter. */
    public Method defaultMethod() {
        return tuning.adapter().isPresent() ? Method.DEFAULT : Method.DEFAULT_WITHOUT_ADAPTER;
    }

    /**
     * A new session with an empty cache. Where its method needs to know what steps cost, the first one measures that, unless
     * it is known (see {@link CostChoice}).
     *
     * @throws IllegalArgumentException if the method needs an adapter and there is none, or the context is larger than
     *     what the model was trained for
     * @throws InsufficientMemoryException if the machine's memory cannot hold the model with this session
     */
    public Session session(SessionOptions options) {
        MemoryNeed need = MemoryNeed.of(config(), weightBytes(), options.context(), options.cacheFormat());
        InsufficientMemoryException.check(need);
        Method method = options.method().orElseGet(this::defaultMethod);
        DecodingSettings settings = new DecodingSettings(
                method, options.rows(), options.context(), options.cacheFormat(), options.prefillChunk());
        return new Session(
                tokenizer,
                index,
                method,
                need.context(),
                new DecodingSession(engine, tuning.adapter(), costs::get, settings, options.observer()));
    }

    /**
     * A new batch without answers. What steps cost is measured as for {@link #session}.
     *
     * @throws IllegalArgumentException if the method needs an adapter and there is none, or the context is larger than
     *     what the model was trained for
     */
    public Batch batch(BatchOptions options) {
        int context = config().checkedContext(options.context());
        Method method = options.method().orElseGet(this::defaultMethod);
        return new Batch(
                tokenizer,
                index,
                context,
                new BatchDecoder(engine, tuning.adapter(), costs::get, options.settings(method)));
    }

    /** Frees the model's memory; that of {@link #sharing} only ends its threads. No session may be in use. */
    @Override
    public void close() {
        costs.close();
        engine.team().close();
        if (ownsWeights) {
            engine.model().close();
            tokenizer.close();
        }
    }
}
