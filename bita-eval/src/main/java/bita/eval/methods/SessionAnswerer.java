package bita.eval.methods;

import bita.api.Answer;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.Session;
import bita.decode.Method;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;

/** One prompt at a time, each method in a session of its own that is kept. */
final class SessionAnswerer implements Answerer {
    private final EvaluationOptions options;
    private final Map<String, Session> sessions = new LinkedHashMap<>();

    SessionAnswerer(LanguageModel model, List<Method> methods, EvaluationOptions options) {
        this.options = options;
        try {
            for (Method method : methods) {
                sessions.put(method.name(), model.session(options.session(method)));
            }
        } catch (RuntimeException | OutOfMemoryError e) {
            close();
            throw e;
        }
    }

    @Override
    public List<Timed> answer(Method method, List<int[]> prompts, int maxTokens) throws InterruptedException {
        Session session = Objects.requireNonNull(sessions.get(method.name()));
        GenerationOptions generation = GenerationOptions.of(OptionalInt.of(maxTokens), options.sampling(), List.of());
        if (options.repetitions() > 1) {
            session.forget(); // a source that has seen the answer before would be flattered
        }
        StepTally steps = new StepTally(session::cancel);
        Answer answer = session.generate(prompts.getFirst(), generation, steps);
        if (Thread.interrupted() || answer.finish() == Answer.Finish.CANCELLED) {
            throw new InterruptedException();
        }
        return List.of(new Timed(answer, answer.statistics().decodeNanos(), steps));
    }

    @Override
    public void close() {
        sessions.values().forEach(Session::close);
    }
}
