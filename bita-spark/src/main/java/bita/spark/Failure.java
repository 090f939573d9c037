package bita.spark;

import bita.tune.train.DivergedException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.apache.spark.SparkException;

/** What an exception means for the user: one sentence. */
final class Failure {
    private Failure() {}

    static String sentence(Throwable thrown) {
        return switch (thrown) {
            case NoSuchFileException e -> e.getFile() + ": there is no such file or folder";
            case FileSystemException e
            when e.getReason() == null ->
                e.getFile() + ": the file cannot be used (" + e.getClass().getSimpleName() + ")";
            case IOException e -> message(e);
            case JobException e -> message(e);
            case UsageException e -> message(e);
            case SparkException e -> "Spark: " + message(e).lines().findFirst().orElse("");
            case DivergedException e -> message(e);
            case IllegalArgumentException e -> message(e);
            case UnsupportedOperationException e -> message(e);
            default -> "internal error: " + thrown;
        };
    }

    private static String message(Throwable thrown) {
        String message = thrown.getMessage();
        return message == null || message.isBlank() ? thrown.getClass().getSimpleName() : message.strip();
    }
}
