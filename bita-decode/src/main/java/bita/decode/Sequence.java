package bita.decode;

import bita.model.ForwardPass;
import bita.model.KvCache;
import bita.model.Rows;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;

/**
 * A sequence and what belongs to it: cache, tokens, who drafts for it, and its part of the pass in work.
 * {@link SequencePasses} runs it, alone or among others; before each pass it is told to {@link #read} or to
 * {@link #decode}. Not thread-safe.
 */
final class Sequence implements AutoCloseable {
    private final KvCache cache;
    private final VerifiedLogits observer;
    private Optional<Drafter> drafter; // is told all tokens, also by prompts that are answered plainly
    private final TokenSequence known = new TokenSequence(); // what the cache holds, then the root
    private MaskCandidates candidates = MaskCandidates.none();

    private int[] prompt = {};
    private SamplingSettings sampling = SamplingSettings.greedy();
    private int choice;
    private LogitsProcessor processor = LogitsProcessor.NONE;
    private boolean drafts;

    // Of the pass in work.
    private final Rows rows = new Rows();
    private int reading; // tokens of the prompt, or 0
    private int most;
    private IntPredicate isEnd = token -> false;
    private int firstRow;
    private int firstRead; // the first of its rows of logits, among all
    private int[] path = new int[16]; // rows that stay in the cache
    private int pathLength;
    private int group; // the first mask row behind the last row of the path
    private int groupMasks;
    private final List<Step.Token> decided = new ArrayList<>();
    private Optional<NotANumberException> problem = Optional.empty();

    /**
     * An empty sequence.
     *
     * @param cache    empty; it belongs to the sequence from now on
     * @param drafter  that knows no tokens; empty for plain decoding
     * @param observer sees the logits behind every decided token
     */
    Sequence(KvCache cache, Optional<Drafter> drafter, VerifiedLogits observer) {
        this.cache = cache;
        this.drafter = drafter;
        this.observer = observer;
    }

    /**
     * Begins a prompt; what it shares with the sequence so far is not computed anew. Its last token is always computed:
     * the logits there decide the first new token.
     *
     * @param newPrompt at least one token
     * @param newChoice index among several answers to the prompt, part of what sampled tokens depend on
     * @param newDrafts whether the drafter, if there is one, drafts for the answer
     */
    void begin(
            int[] newPrompt,
            SamplingSettings newSampling,
            int newChoice,
            LogitsProcessor newProcessor,
            boolean newDrafts) {
        prompt = newPrompt;
        sampling = newSampling;
        choice = newChoice;
        processor = newProcessor;
        drafts = newDrafts;
        rewind(Math.min(commonPrefix(newPrompt), newPrompt.length - 1));
    }

    /** How many tokens of a prompt the cache holds; all of them, if the sequence begins with it. */
    int commonPrefix(int[] newPrompt) {
        return Math.min(known.commonPrefix(newPrompt), cache.length());
    }

    /**
     * Copies what another sequence holds of the prompt beyond what this one does, but for its last token.
     *
     * @throws OutOfMemoryError if there is no room; the sequence is as before
     */
    void copyPrefix(Sequence other) {
        int from = cache.length();
        int to = Math.min(other.commonPrefix(prompt), prompt.length - 1);
        if (to > from) {
            cache.copy(other.cache, to);
            for (int i = from; i < to; i++) {
                append(prompt[i]);
            }
        }
    }

    /** Forgets all tokens and has another drafter, as if the sequence were new. */
    void renew(Optional<Drafter> newDrafter) {
        drafter = newDrafter;
        prompt = new int[0];
        rewind(0);
    }

    private void rewind(int length) {
        cache.truncate(length);
        known.truncate(length);
        drafter.ifPresent(d -> d.truncate(length));
        candidates = MaskCandidates.none();
    }

    /** Tokens so far: the prompt as far as it is read, and what was decided. */
    int length() {
        return known.size();
    }

    /** Tokens that the cache holds. */
    int cached() {
        return cache.length();
    }

    /** Tokens of the prompt that no pass has read. */
    int unread() {
        return Math.max(0, prompt.length - cache.length());
    }

    /** The next pass reads so many tokens of the prompt, and behind the last one decides a token. */
    void read(int tokens) {
        reading = tokens;
        most = 1;
    }

    /**
     * The next pass decides tokens.
     *
     * @param mostTokens at least 1
     * @param end        tokens behind which nothing is decided
     */
    void decode(int mostTokens, IntPredicate end) {
        reading = 0;
        most = mostTokens;
        isEnd = end;
    }

    /** Tokens of the prompt that the pass in work reads. */
    int reading() {
        return reading;
    }

    /** Whether the pass in work decides a token, rather than reads what more of the prompt follows. */
    boolean isDue() {
        return reading == unread();
    }

    /** Who drafts in the pass in work. */
    Optional<Drafter> drafting() {
        return reading > 0 ? Optional.empty() : inUse();
    }

    private Optional<Drafter> inUse() {
        return drafts ? drafter : Optional.empty();
    }

    /** Who drafts for the sequence, whether in use or not. */
    Optional<Drafter> drafter() {
        return drafter;
    }

    /**
     * Collects what may follow.
     *
     * @param least probability of what is worth proposing
     */
    void propose(float least) {
        drafting().ifPresent(d -> d.propose(known.last(), candidates, most, least));
    }

    /** Drafts nothing. */
    void proposeNothing() {
        drafting().ifPresent(d -> d.proposeNothing(known.last()));
    }

    /**
     * Lays out the rows.
     *
     * @param first     the first one's index in the pass
     * @param mostMasks behind the last token of a prompt
     */
    void layOut(int first, int mostMasks) {
        firstRow = first;
        rows.clear();
        if (reading > 0) {
            for (int i = 0; i < reading; i++) {
                rows.addToken(prompt[cache.length() + i], i - 1);
            }
            if (isDue()) {
                inUse().ifPresent(d -> d.addFirstGroup(reading - 1, mostMasks, rows));
            }
        } else if (drafting().isPresent()) {
            drafting().get().layOut(rows);
        } else {
            rows.addToken(known.last(), Rows.CACHE_END);
        }
    }

    Rows rows() {
        return rows;
    }

    ForwardPass.Part part() {
        return new ForwardPass.Part(cache, rows);
    }

    private int firstMaskRow() {
        return reading > 0 ? reading : drafting().map(Drafter::firstMaskRow).orElse(rows.size());
    }

    int maskRows() {
        return rows.size() - firstMaskRow();
    }

    /**
     * Adds the rows whose logits decide, and those that draft sources learn from.
     *
     * @param indices in the pass
     * @param count   of those already there
     * @return of those there now
     */
    int addReadRows(int[] indices, int count) {
        firstRead = count;
        int added = count;
        if (drafting().isPresent()) {
            added = drafting().get().addReadRows(indices, count, firstRow);
        } else if (isDue()) {
            indices[added++] = firstRow + firstMaskRow() - 1;
        }
        return added;
    }

    /** Adds all mask rows in the same way. */
    int addMaskRows(int[] indices, int count) {
        int added = count;
        for (int row = firstMaskRow(); row < rows.size(); row++) {
            indices[added++] = firstRow + row;
        }
        return added;
    }

    /** Adds the mask rows behind the last row of the path, from which the next draft comes. */
    int addGroup(int[] indices, int count) {
        for (int mask = 0; mask < groupMasks; mask++) {
            indices[count + mask] = firstRow + group + mask;
        }
        return count + groupMasks;
    }

    int firstRead() {
        return firstRead;
    }

    /** Masks behind the last row of the path. */
    int groupMasks() {
        return groupMasks;
    }

    /** The first of them, among all mask rows. */
    int groupInMasks() {
        return group - firstMaskRow();
    }

    /**
     * Decides. Called by any thread.
     *
     * @param logits f32 (rows that were asked for or more, vocabulary)
     * @param rowBytes of one row
     */
    void decide(TokenDecider decider, MemorySegment logits, long rowBytes) {
        decided.clear();
        problem = Optional.empty();
        groupMasks = 0;
        try {
            if (drafting().isPresent()) {
                decidePath(drafting().get(), decider, logits, rowBytes);
            } else {
                keepChain(firstMaskRow());
                if (isDue()) {
                    int token = decide(decider, logits.asSlice(0, rowBytes), firstMaskRow() - 1);
                    decided.add(new Step.Token(token, DraftOrigin.ROOT, 0));
                    group = firstMaskRow();
                    groupMasks = maskRows();
                }
            }
        } catch (NotANumberException e) {
            // What was decided before stands; the next pass meets the same logits.
            if (decided.isEmpty()) {
                problem = Optional.of(e);
            }
        }
    }

    private void keepChain(int count) {
        reservePath(count);
        for (int row = 0; row < count; row++) {
            path[row] = row;
        }
        pathLength = count;
    }

    private void reservePath(int length) {
        if (path.length < length) {
            path = Arrays.copyOf(path, Math.max(length, 2 * path.length));
        }
    }

    private void decidePath(Drafter drafts, TokenDecider decider, MemorySegment logits, long rowBytes) {
        DraftTree tree = drafts.tree();
        int node = 0;
        pathLength = 0;
        while (true) {
            int token = decide(decider, logits.asSlice(node * rowBytes, rowBytes), tree.depth(node));
            reservePath(pathLength + 1);
            path[pathLength++] = node;
            group = drafts.group(node);
            groupMasks = drafts.masks(node);
            int child = tree.child(node, token);
            boolean drafted = child != DraftTree.NONE;
            decided.add(new Step.Token(
                    token, drafted ? tree.origin(child) : DraftOrigin.ROOT, drafted ? tree.depth(child) : 0));
            if (!drafted || decided.size() >= most || isEnd.test(token)) {
                return;
            }
            node = child;
        }
    }

    /** The token behind a row so many positions behind the cache. */
    private int decide(TokenDecider decider, MemorySegment logits, int depth) {
        int position = cache.length() + depth;
        observer.accept(position, logits);
        int token = decider.decide(logits, position, sampling, choice, processor);
        processor.accept(token);
        return token;
    }

    /** Why nothing could be decided; the sequence is as before the pass then. */
    Optional<NotANumberException> problem() {
        return problem;
    }

    /** What was decided; nothing if more of the prompt follows. */
    List<Step.Token> decided() {
        return decided;
    }

    /**
     * Keeps what has turned out right, and lets the drafter learn.
     *
     * @param logits as for {@link #decide}
     */
    void keep(MemorySegment logits) {
        int from = cache.length();
        cache.accept(path, pathLength);
        for (int i = 0; i < reading; i++) {
            append(prompt[from + i]);
        }
        if (inUse().isPresent() && !decided.isEmpty()) {
            if (reading > 0) {
                inUse().get().observeFirst(known.last(), logits);
            } else {
                inUse().get().observe(logits);
                inUse().get().learn(decided);
            }
        }
        for (Step.Token token : decided) {
            append(token.id());
        }
    }

    private void append(int token) {
        known.add(token);
        drafter.ifPresent(d -> d.append(token));
    }

    /** What the masks behind the last row of the path predict. */
    void setCandidates(MaskCandidates predicted) {
        candidates = predicted;
    }

    /**
     * What the pass has decided.
     *
     * @param time this sequence's part
     */
    Step step(StepTime time) {
        int drafted = drafting().map(d -> d.tree().size() - 1).orElse(0);
        return new Step(decided, drafted, rows.size(), time);
    }

    @Override
    public void close() {
        cache.close();
    }
}
