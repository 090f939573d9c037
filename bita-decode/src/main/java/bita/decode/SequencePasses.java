package bita.decode;

import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.ForwardPass;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Runs passes, each for one sequence or several. A pass verifies the drafts of those that decode, makes their next ones
 * (BiTA, arXiv 2401.12522, section 3.2), and reads the prompts of others. Which tokens come out is decided by each
 * sequence's own logits, whatever the others are. Not thread-safe; the engine's team works on each pass.
 */
final class SequencePasses implements AutoCloseable {
    /**
     * Up to this many mask rows get logits in the pass through the output head that verifies, although only one group of
     * each sequence will be read: reading the head's weights once more costs as much as about twenty rows (measured with
     * the default model).
     */
    private static final int MASK_ROWS_WITH_TREE = 16;

    private final ThreadTeam team;
    private final ForwardPass pass;
    private final TokenDecider[] deciders; // one per thread
    private final CandidateReader reader;
    private final long rowBytes;
    private final int[] indices;

    /**
     * @param adapter  of the engine, for what is known of its masks
     * @param mostRows of a pass
     */
    SequencePasses(Engine engine, Optional<Adapter> adapter, int mostRows) {
        team = engine.team();
        pass = new ForwardPass(engine, mostRows);
        deciders = new TokenDecider[team.threads()];
        Arrays.setAll(deciders, _ -> new TokenDecider(engine));
        reader = new CandidateReader(engine, adapter.map(Adapter::calibration).orElseGet(Calibration::none));
        rowBytes = (long) engine.model().config().vocabulary() * Float.BYTES;
        indices = new int[mostRows];
    }

    /**
     * Runs one pass. Each sequence then has what it decided, or its {@link Sequence#problem}.
     *
     * @param sequences that were told what to do
     * @param planner   of the steps of those that draft; empty if all that is drafted is verified
     * @return of the pass the part of one sequence that decodes; unknown if there is none
     * @throws OutOfMemoryError if the caches do not fit the memory; the sequences are as before
     */
    StepTime run(List<Sequence> sequences, Optional<Planner> planner) {
        StepTime.Clock clock = new StepTime.Clock();
        List<Drafter> drafters =
                sequences.stream().flatMap(s -> s.drafting().stream()).toList();
        int reading = sequences.stream().mapToInt(Sequence::reading).sum();
        int others = sequences.stream()
                .filter(s -> s.drafting().isEmpty())
                .mapToInt(s -> Math.max(1, s.reading()))
                .sum();
        long tokens = sequences.stream().mapToLong(Sequence::cached).sum();
        Planner.Pass load = new Planner.Pass(others, new StepCosts.Contexts(sequences.size(), tokens));
        draft(sequences, drafters, planner, load);
        int mostMasks = reading == 0
                ? 0
                : planner.map(p -> p.firstMasks(drafters, load)).orElse(Integer.MAX_VALUE);
        int rows = 0;
        for (Sequence sequence : sequences) {
            sequence.layOut(rows, mostMasks);
            rows += sequence.rows().size();
        }
        clock.drafted();

        pass.run(sequences.stream().map(Sequence::part).toList());
        int read = 0;
        for (Sequence sequence : sequences) {
            read = sequence.addReadRows(indices, read);
        }
        int maskRows = sequences.stream().mapToInt(Sequence::maskRows).sum();
        boolean masksToo = maskRows > 0 && maskRows <= MASK_ROWS_WITH_TREE;
        int logitRows = read;
        for (Sequence sequence : masksToo ? sequences : List.<Sequence>of()) {
            logitRows = sequence.addMaskRows(indices, logitRows);
        }
        MemorySegment logits = logitRows == 0 ? MemorySegment.NULL : pass.logits(indices, logitRows);
        clock.forwarded();

        decide(sequences, logits);
        for (Sequence sequence : sequences) {
            if (sequence.problem().isEmpty()) {
                sequence.keep(rowsFrom(logits, sequence.firstRead()));
            }
        }
        if (masksToo) {
            int first = read;
            for (Sequence sequence : sequences) {
                readCandidates(sequence, logits, first + sequence.groupInMasks());
                first += sequence.maskRows();
            }
        } else {
            readGroups(sequences, clock);
        }
        clock.verified();
        if (planner.isPresent() && !drafters.isEmpty()) {
            int decided = sequences.stream()
                    .filter(s -> s.drafting().isPresent())
                    .mapToInt(s -> s.decided().size())
                    .sum();
            planner.get()
                    .learn(
                            drafters,
                            decided,
                            rows,
                            maskRows > 0,
                            load,
                            clock.time().total());
        }
        return share(sequences, clock.time(), reading, rows);
    }

    private void draft(List<Sequence> sequences, List<Drafter> drafters, Optional<Planner> planner, Planner.Pass load) {
        if (drafters.isEmpty()) {
            return;
        }
        int base = drafters.stream().mapToInt(Drafter::baseRows).sum();
        if (planner.isPresent() && base >= planner.get().mostRows()) {
            sequences.forEach(Sequence::proposeNothing);
            return;
        }
        float least = planner.map(p -> p.leastProbability(drafters, load)).orElse(0f);
        // One after the other: waking the team takes longer than that.
        sequences.forEach(sequence -> sequence.propose(least));
        planner.ifPresentOrElse(p -> p.plan(drafters, load), () -> drafters.forEach(Drafter::keepAll));
    }

    /** Several sequences decide side by side. */
    private void decide(List<Sequence> sequences, MemorySegment logits) {
        if (sequences.size() == 1) {
            decide(sequences.getFirst(), deciders[0], logits);
            return;
        }
        team.run(member -> {
            for (int i = member.index(); i < sequences.size(); i += team.threads()) {
                decide(sequences.get(i), deciders[member.index()], logits);
            }
        });
    }

    private void decide(Sequence sequence, TokenDecider decider, MemorySegment logits) {
        sequence.decide(decider, rowsFrom(logits, sequence.firstRead()), rowBytes);
    }

    private MemorySegment rowsFrom(MemorySegment logits, int first) {
        return logits.asSlice(Math.min(first * rowBytes, logits.byteSize()));
    }

    /** Reads the groups that matter, in a pass through the output head of their own. */
    private void readGroups(List<Sequence> sequences, StepTime.Clock clock) {
        int count = 0;
        for (Sequence sequence : sequences) {
            count = sequence.addGroup(indices, count);
        }
        MemorySegment logits = MemorySegment.NULL;
        if (count > 0) {
            clock.verified();
            logits = pass.logits(indices, count);
            clock.forwarded();
        }
        int first = 0;
        for (Sequence sequence : sequences) {
            readCandidates(sequence, logits, first);
            first += sequence.groupMasks();
        }
    }

    private void readCandidates(Sequence sequence, MemorySegment logits, int first) {
        int masks = sequence.groupMasks();
        sequence.setCandidates(masks == 0 ? MaskCandidates.none() : reader.read(rowsFrom(logits, first), masks));
    }

    /** An equal part for all that decode, of the part of the pass that did not read prompts. */
    private static StepTime share(List<Sequence> sequences, StepTime time, int reading, int rows) {
        long decoding = sequences.stream().filter(s -> s.reading() == 0).count();
        return decoding == 0 ? StepTime.UNKNOWN : time.times((double) (rows - reading) / rows / decoding);
    }

    @Override
    public void close() {
        pass.close();
    }
}
