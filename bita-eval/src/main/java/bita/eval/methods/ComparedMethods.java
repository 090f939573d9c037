package bita.eval.methods;

import bita.decode.Method;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Which methods a comparison runs.
 *
 * @param methods plain decoding first, which the others are held against
 * @param leftOut a sentence for each method that cannot run
 */
public record ComparedMethods(List<Method> methods, List<String> leftOut) {
    /** Compared unless told otherwise: the reference implementation's trees, the other sources alone, and the best together. */
    public static final List<Method> STANDARD = Stream.of(
                    "masks3:chain",
                    "masks3:half:3",
                    "masks3:upper-triangle:5",
                    "masks3:full:2",
                    "lookup",
                    "automaton",
                    "lookahead",
                    "recycling")
            .map(Method::parse)
            .toList();

    private static final Method PLAIN = new Method.Plain();

    public ComparedMethods {
        methods = List.copyOf(methods);
        leftOut = List.copyOf(leftOut);
    }

    /**
     * Those of the methods that can run, each once, and plain decoding before them.
     *
     * @param asked empty for the standard ones and the model's default
     * @param byDefault what the model's sessions use
     * @param masks mask tokens of the adapter; empty if there is none
     * @param options of the comparison
     * @throws IllegalArgumentException if none of the methods asked for can run
     */
    public static ComparedMethods of(
            List<Method> asked, Method byDefault, Optional<Integer> masks, EvaluationOptions options) {
        List<Method> wanted = asked.isEmpty()
                ? Stream.concat(STANDARD.stream(), Stream.of(byDefault)).toList()
                : asked;
        Map<String, Method> chosen = new LinkedHashMap<>();
        chosen.put(PLAIN.name(), PLAIN);
        List<String> leftOut = new ArrayList<>();
        for (Method method : wanted) {
            Optional<String> problem = problem(method, masks, options);
            if (problem.isPresent()) {
                leftOut.add(method.name() + " is left out: " + problem.get());
            } else {
                chosen.put(method.name(), method);
            }
        }
        if (leftOut.size() == wanted.size()) {
            throw new IllegalArgumentException(String.join("; ", leftOut));
        }
        return new ComparedMethods(List.copyOf(chosen.values()), leftOut);
    }

    private static Optional<String> problem(Method method, Optional<Integer> masks, EvaluationOptions options) {
        if (!(method instanceof Method.Drafting drafting)) {
            return Optional.empty();
        }
        if (options.batch() > 1 && options.rows().isEmpty() && !drafting.isPlanned()) {
            return Optional.of("its tree is as large as it is, and in a batch that needs a limit of rows (--rows)");
        }
        if (drafting.needsAdapter() && masks.isEmpty()) {
            return Optional.of("it drafts with what an adapter has, and the model has none");
        }
        if (drafting.masks().isEmpty()) {
            return Optional.empty();
        }
        int needed = drafting.masks().get().perGroup();
        return needed != Integer.MAX_VALUE && needed > masks.get()
                ? Optional.of("it drafts with " + needed + " masks, and the adapter has " + masks.get())
                : Optional.empty();
    }

    /** Their names, in order. */
    public List<String> names() {
        return methods.stream().map(Method::name).toList();
    }
}
