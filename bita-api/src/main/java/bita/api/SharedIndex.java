package bita.api;

import bita.api.json.TokenIndex;
import bita.model.tokenizer.Tokenizer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The index of a model's tokens, made when it is first asked for. Thread-safe. */
final class SharedIndex implements Supplier<TokenIndex> {
    private final Tokenizer tokenizer;
    private @Nullable TokenIndex index; // guarded by this

    SharedIndex(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    @Override
    public synchronized TokenIndex get() {
        if (index == null) {
            index = TokenIndex.of(tokenizer);
        }
        return index;
    }
}
