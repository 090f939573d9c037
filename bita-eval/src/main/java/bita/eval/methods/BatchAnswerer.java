package bita.eval.methods;

import bita.api.Answer;
import bita.api.Batch;
import bita.api.BatchListener;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.decode.Method;
import bita.decode.NotANumberException;
import bita.decode.Step;
import bita.decode.StepTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Several prompts at a time, each time in a batch that knows nothing yet. Where there are fewer prompts than the batch has places,
 * or an answer has ended before the others, further answers, plain and not timed, fill the place: each answer is made beside as
 * many others from its first token to its last, and methods that end some answers early have no emptier passes for it.
 */
final class BatchAnswerer implements Answerer {
    private final LanguageModel model;
    private final EvaluationOptions options;

    BatchAnswerer(LanguageModel model, EvaluationOptions options) {
        this.model = model;
        this.options = options;
    }

    @Override
    public List<Timed> answer(Method method, List<int[]> prompts, int maxTokens) throws InterruptedException {
        GenerationOptions generation = GenerationOptions.of(OptionalInt.of(maxTokens), options.sampling(), List.of());
        List<Follower> followers = new ArrayList<>();
        try (Batch batch = model.batch(options.batch(method).withKept(options.batch()))) {
            for (int[] prompt : prompts) {
                followers.add(new Follower());
                batch.submit(prompt, generation, 0, followers.getLast());
            }
            List<Follower> neighbours = new ArrayList<>(followers); // one for each place of the batch
            while (neighbours.size() < options.batch()) {
                neighbours.add(follow(batch, prompts, neighbours.size(), generation));
            }
            while (followers.stream().anyMatch(Follower::isOpen)) {
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                boolean _ = batch.step();
                for (int place = 0; place < neighbours.size(); place++) {
                    if (!neighbours.get(place).isOpen()) {
                        neighbours.set(place, follow(batch, prompts, place, generation));
                    }
                }
            }
        }
        return followers.stream().map(Follower::timed).toList();
    }

    /** A plain answer to one of the prompts, to fill a place. */
    private static Follower follow(Batch batch, List<int[]> prompts, int place, GenerationOptions generation) {
        Follower follower = new Follower();
        batch.submit(prompts.get(place % prompts.size()), generation.withoutDrafting(), 0, follower);
        return follower;
    }

    /** Keeps what comes of one prompt. */
    private static final class Follower implements BatchListener {
        private final StepTally steps = new StepTally(() -> {}); // the batch's loop sees to interruptions
        private Optional<Answer> answer = Optional.empty();

        @Override
        public void step(Step step) {
            steps.step(step);
        }

        @Override
        public void finished(Answer whole) {
            answer = Optional.of(whole);
        }

        @Override
        public void failed(NotANumberException problem) {
            throw problem; // by the batch's step
        }

        boolean isOpen() {
            return answer.isEmpty();
        }

        Timed timed() {
            StepTime time = steps.time();
            return new Timed(answer.orElseThrow(), time.draft() + time.forward() + time.verify(), steps);
        }
    }

    @Override
    public void close() {}
}
