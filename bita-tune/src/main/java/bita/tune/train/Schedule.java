package bita.tune.train;

import bita.tune.data.Example;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Which window is trained when: a function of the settings and the examples, so that a run that was stopped goes on as if
 * it had not been. Each pass over the examples has an order of its own.
 */
final class Schedule {
    private final TrainingSettings settings;
    private final List<Example> examples;

    /** @throws IllegalArgumentException if no example has an anchor with a label */
    Schedule(TrainingSettings settings, List<Example> all) {
        this.settings = settings;
        examples = all.stream().filter(e -> Window.anchors(e, settings) > 0).toList();
        if (examples.isEmpty()) {
            throw new IllegalArgumentException(
                    "none of the " + all.size() + " answers has three tokens within the first " + settings.mostTokens()
                            + " of prompt and answer: there is nothing to learn from");
        }
    }

    /** The windows of a step, from 0. */
    List<Window> step(int step) {
        List<Window> windows = new ArrayList<>();
        for (int i = 0; i < settings.answersPerStep(); i++) {
            windows.add(window((long) step * settings.answersPerStep() + i));
        }
        return windows;
    }

    private Window window(long index) {
        long pass = index / examples.size();
        Example example = examples.get(order(pass)[(int) (index % examples.size())]);
        SplittableRandom random = new SplittableRandom(settings.seed() ^ (0x9E3779B97F4A7C15L * (index + 1)));
        int[] anchors = shuffled(Window.anchors(example, settings), random);
        return Window.of(
                example,
                settings,
                Arrays.stream(anchors).limit(settings.window()).sorted());
    }

    private int[] order(long pass) {
        return shuffled(examples.size(), new SplittableRandom(settings.seed() + pass));
    }

    private static int[] shuffled(int count, SplittableRandom random) {
        int[] order = new int[count];
        for (int i = 0; i < order.length; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }
}
