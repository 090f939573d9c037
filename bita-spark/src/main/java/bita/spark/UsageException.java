package bita.spark;

import java.util.function.Supplier;

/** The command line asks for something that does not exist or does not go together. */
final class UsageException extends RuntimeException {
    private static final long serialVersionUID = 1;

    UsageException(String message) {
        super(message);
    }

    private UsageException(IllegalArgumentException cause) {
        super(cause.getMessage(), cause);
    }

    /** Makes settings out of options; what the settings refuse is wrong usage. */
    static <T> T check(Supplier<T> settings) {
        try {
            return settings.get();
        } catch (IllegalArgumentException e) {
            throw new UsageException(e);
        }
    }
}
