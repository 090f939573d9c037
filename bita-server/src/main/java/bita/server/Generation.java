package bita.server;

import bita.api.Answer;
import bita.api.AnswerListener;
import bita.api.AnswerService;
import bita.api.BatchListener;
import bita.api.ContextOverflowException;
import bita.api.QueueFullException;
import bita.decode.NotANumberException;
import bita.decode.Step;
import bita.decode.TokenLogprobs;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The answers to one request, from the service to the response. The stepping thread hands over what it hears; all else
 * happens on the event loop, in the same order.
 */
final class Generation {
    private final AnswerRequest request;
    private final Exchange exchange;
    private final ServedModel model;
    private final Set<Integer> ends;
    private final ServerMetrics metrics;
    private final Supplier<ApiError> whyCancelled;
    private final String id;
    private final long created = Instant.now().getEpochSecond();
    private final long submitted = System.nanoTime();
    private final List<Choice> choices = new ArrayList<>();

    private final List<AnswerService.Ticket> tickets = new ArrayList<>(); // guarded by itself
    private boolean cancelled; // guarded by the tickets

    private final List<Runnable> early = new ArrayList<>(); // what was heard before all were submitted
    private boolean accepted;
    private boolean ended;
    private int left;

    /**
     * @param ends         tokens that end an answer and are no text
     * @param whyCancelled what to say where the service has cancelled an answer by itself
     */
    Generation(
            AnswerRequest request,
            Exchange exchange,
            ServedModel model,
            Set<Integer> ends,
            ServerMetrics metrics,
            Supplier<ApiError> whyCancelled) {
        this.request = request;
        this.exchange = exchange;
        this.model = model;
        this.ends = ends;
        this.metrics = metrics;
        this.whyCancelled = whyCancelled;
        id = request.shape().idPrefix() + exchange.id();
        left = request.answers();
        for (int index = 0; index < left; index++) {
            choices.add(new Choice(index));
        }
    }

    /**
     * Asks for the answers, all or none; by any thread.
     *
     * @throws ApiError if the service does not take them on
     */
    void submit(AnswerService service) {
        int perPrompt = request.answering().choices();
        try {
            for (int prompt = 0; prompt < request.prompts().size(); prompt++) {
                int first = prompt * perPrompt;
                add(service.submit(
                        request.prompts().get(prompt),
                        request.answering().generation(),
                        perPrompt,
                        choice -> choices.get(first + choice)));
            }
        } catch (QueueFullException e) {
            cancel();
            throw ApiError.queueFull(String.valueOf(e.getMessage()));
        } catch (ContextOverflowException | IllegalArgumentException e) {
            cancel();
            throw ApiError.invalid(400, String.valueOf(e.getMessage()));
        } catch (IllegalStateException e) {
            cancel();
            throw ApiError.unavailable("the server ends: " + e.getMessage());
        }
    }

    private void add(List<AnswerService.Ticket> some) {
        synchronized (tickets) {
            tickets.addAll(some);
            if (cancelled) {
                tickets.forEach(AnswerService.Ticket::cancel);
            }
        }
    }

    /** Ends all answers soon; by any thread. */
    void cancel() {
        synchronized (tickets) {
            cancelled = true;
            tickets.forEach(AnswerService.Ticket::cancel);
        }
    }

    /** All answers were submitted: on the event loop. */
    void accept() {
        accepted = true;
        exchange.user(request.answering().user());
        if (exchange.isEnded()) {
            ended = true;
            cancel();
        }
        early.forEach(Runnable::run);
        early.clear();
    }

    /** Ends the response with an error, and the answers. */
    void fail(Throwable problem) {
        ended = true;
        cancel();
        exchange.fail(problem);
    }

    /** Hands over to the event loop. */
    private void post(Runnable event) {
        exchange.context().runOnContext(_ -> {
            if (!accepted) {
                early.add(event);
                return;
            }
            try {
                event.run();
            } catch (RuntimeException e) {
                fail(e);
            }
        });
    }

    private ObjectNode envelope(String object) {
        return Json.object()
                .put("id", id)
                .put("object", object)
                .put("created", created)
                .put("model", model.id())
                .put("system_fingerprint", model.fingerprint());
    }

    private void chunk(ObjectNode choice, @Nullable String finish) {
        choice.put("finish_reason", finish);
        ObjectNode chunk = envelope(request.shape().chunkObject());
        chunk.putArray("choices").add(choice);
        if (request.answering().usage()) {
            chunk.putNull("usage");
        }
        exchange.event(Json.text(chunk));
    }

    private void choiceEnded() {
        left--;
        if (left > 0) {
            return;
        }
        int prompt =
                request.prompts().stream().mapToInt(tokens -> tokens.length).sum();
        int completion =
                choices.stream().mapToInt(choice -> choice.completionTokens).sum();
        int cached = cachedTokens();
        metrics.tokens(prompt, cached, completion);
        exchange.count(prompt, cached, completion);
        if (!ended) {
            ended = true;
            complete(usage(prompt, cached, completion));
        }
        exchange.release();
    }

    private void complete(ObjectNode usage) {
        if (request.answering().stream()) {
            if (request.answering().usage()) {
                ObjectNode chunk = envelope(request.shape().chunkObject());
                chunk.putArray("choices");
                exchange.event(Json.text(chunk.set("usage", usage)));
            }
            exchange.event("[DONE]");
            exchange.endEvents();
            return;
        }
        ObjectNode response = envelope(request.shape().object());
        ArrayNode list = response.putArray("choices");
        choices.forEach(choice -> list.add(choice.whole));
        exchange.json(200, response.set("usage", usage));
    }

    /** Of each prompt what its first answer found; the others find what that one has read. */
    private int cachedTokens() {
        TreeMap<Integer, Integer> byPrompt = new TreeMap<>();
        choices.forEach(
                choice -> byPrompt.merge(choice.index / request.answering().choices(), choice.cachedTokens, Math::min));
        return byPrompt.values().stream().mapToInt(Integer::intValue).sum();
    }

    private static ObjectNode usage(int prompt, int cached, int completion) {
        ObjectNode usage = Json.object()
                .put("prompt_tokens", prompt)
                .put("completion_tokens", completion)
                .put("total_tokens", prompt + completion);
        usage.putObject("prompt_tokens_details").put("cached_tokens", cached);
        return usage;
    }

    /** One of the answers. */
    private final class Choice implements BatchListener {
        private final int index;

        // of the stepping thread
        private List<TokenLogprobs> heard = new ArrayList<>();
        private final List<Piece> pieces = new ArrayList<>(); // of a response that is sent whole
        private final List<Integer> acceptedByStep = new ArrayList<>();
        private boolean hasBegun;

        // of the event loop
        private int offset; // in the text of the tokens that were reported
        private int cachedTokens;
        private int completionTokens;
        private ObjectNode whole = Json.object();

        Choice(int index) {
            this.index = index;
        }

        @Override
        public void began(int reusedTokens) {
            hasBegun = true;
            metrics.queued(System.nanoTime() - submitted);
            if (request.answering().stream()) {
                post(this::open);
            }
        }

        @Override
        public void step(Step step) {
            int accepted = (int)
                    step.tokens().stream().filter(token -> token.depth() > 0).count();
            while (acceptedByStep.size() <= accepted) {
                acceptedByStep.add(0);
            }
            acceptedByStep.set(accepted, acceptedByStep.get(accepted) + 1);
        }

        @Override
        public void logprobs(TokenLogprobs logprobs) {
            if (!ends.contains(logprobs.token())) {
                heard.add(logprobs);
            }
        }

        private List<TokenLogprobs> takeHeard() {
            List<TokenLogprobs> taken = heard;
            heard = new ArrayList<>();
            return taken;
        }

        @Override
        public void text(AnswerListener.Piece piece) {
            if (request.answering().stream()) {
                List<TokenLogprobs> logprobs = takeHeard();
                post(() -> piece(piece, logprobs));
            } else if (request.answering().drafts()) {
                pieces.add(piece);
            }
        }

        @Override
        public void finished(Answer answer) {
            List<TokenLogprobs> logprobs = takeHeard();
            boolean hasRun = hasBegun;
            if (hasRun) {
                metrics.answered(answer.statistics(), acceptedTokens());
            }
            post(() -> finish(answer, logprobs));
        }

        @Override
        public void failed(NotANumberException problem) {
            post(() -> {
                if (!ended) {
                    fail(ApiError.notANumber(String.valueOf(problem.getMessage())));
                }
                choiceEnded();
            });
        }

        private int acceptedTokens() {
            int tokens = 0;
            for (int accepted = 0; accepted < acceptedByStep.size(); accepted++) {
                tokens += accepted * acceptedByStep.get(accepted);
            }
            return tokens;
        }

        private void open() {
            if (ended) {
                return;
            }
            if (!exchange.isStreaming()) {
                exchange.beginEvents();
            }
            request.shape().opening(index).forEach(choice -> chunk(withDrafts(choice, List.of()), null));
        }

        private void piece(AnswerListener.Piece piece, List<TokenLogprobs> logprobs) {
            if (ended) {
                return;
            }
            ObjectNode choice = request.shape().piece(index, piece.text(), logprobs, offset);
            offset += request.shape().length(logprobs);
            chunk(withDrafts(choice, List.of(piece)), null);
        }

        private void finish(Answer answer, List<TokenLogprobs> logprobs) {
            cachedTokens = answer.statistics().reusedTokens();
            completionTokens = answer.statistics().completionTokens();
            if (!ended && answer.finish() == Answer.Finish.CANCELLED) {
                fail(whyCancelled.get());
            }
            if (!ended) {
                String reason = answer.finish() == Answer.Finish.STOP ? "stop" : "length";
                if (request.answering().stream()) {
                    ObjectNode choice = request.shape().piece(index, "", logprobs, offset);
                    withDrafts(choice, List.of()).set("acceleration", acceleration(answer.statistics()));
                    chunk(choice, reason);
                } else {
                    whole = withDrafts(request.shape().whole(index, answer.text(), logprobs), pieces)
                            .put("finish_reason", reason)
                            .set("acceleration", acceleration(answer.statistics()));
                }
            }
            choiceEnded();
        }

        private ObjectNode withDrafts(ObjectNode choice, List<Piece> some) {
            if (request.answering().drafts()) {
                ArrayNode drafts = choice.putArray("drafts");
                for (Piece piece : some) {
                    drafts.addObject()
                            .put("text", piece.text())
                            .put("source", piece.origin().name().toLowerCase(Locale.ROOT))
                            .put("depth", piece.depth());
                }
            }
            return choice;
        }

        private ObjectNode acceleration(Answer.Statistics statistics) {
            ObjectNode acceleration = Json.object()
                    .put(
                            "enabled",
                            request.answering().generation().drafting()
                                    && !model.method().equals("plain"))
                    .put("method", model.method())
                    .put("steps", statistics.steps())
                    .put("rows_per_step", rounded(statistics.rowsPerStep()))
                    .put("tokens_per_step", rounded(statistics.tokensPerStep()))
                    .put("drafted_tokens", statistics.draftedTokens())
                    .put("accepted_tokens", acceptedTokens());
            ArrayNode byStep = acceleration.putArray("accepted_by_step");
            acceptedByStep.forEach(byStep::add);
            return acceleration
                    .put("tokens_per_second", rounded(statistics.tokensPerSecond()))
                    .put("time_to_first_token_ms", rounded(statistics.firstTokenNanos() / 1e6))
                    .put("reused_prompt_tokens", statistics.reusedTokens())
                    .put("seed", request.answering().generation().sampling().seed());
        }

        private static double rounded(double value) {
            return Math.round(value * 1000) / 1000.0;
        }
    }
}
