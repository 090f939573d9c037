package bita.cli;

import bita.api.ContextOverflowException;
import bita.api.InsufficientMemoryException;
import bita.decode.NotANumberException;
import bita.model.template.TemplateException;
import bita.tune.train.DivergedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** What an exception means for the user: one sentence. */
final class Failure {
    private Failure() {}

    static String sentence(Throwable thrown) {
        return switch (thrown) {
            case UncheckedIOException e when e.getCause() != null -> sentence(e.getCause());
            case FileSystemException e when e.getReason() == null -> String.valueOf(e.getFile()) + ": " + reason(e);
            case OutOfMemoryError e
            when String.valueOf(e.getMessage()).contains("heap") ->
                "Java's heap is too small for this: give it more, for example with _JAVA_OPTIONS=-Xmx1g";
            case OutOfMemoryError e ->
                "there is not enough memory (" + e.getMessage()
                        + "): use a smaller model or a shorter --context, or close other programs";
            case IOException e -> message(e);
            case ContextOverflowException e -> message(e);
            case InsufficientMemoryException e -> message(e);
            case TemplateException e -> message(e);
            case NotANumberException e -> message(e);
            case DivergedException e -> message(e);
            case IllegalArgumentException e -> message(e);
            case UnsupportedOperationException e -> message(e);
            default -> "internal error: " + thrown + "; BITA_DEBUG=1 shows where";
        };
    }

    private static String message(Throwable thrown) {
        String message = thrown.getMessage();
        return message == null || message.isBlank() ? thrown.getClass().getSimpleName() : message.strip();
    }

    private static String reason(FileSystemException e) {
        return switch (e) {
            case NoSuchFileException _ -> "there is no such file or folder";
            case AccessDeniedException _ -> "permission denied";
            case FileAlreadyExistsException _ -> "this file exists already";
            case DirectoryNotEmptyException _ -> "this folder is not empty";
            case NotDirectoryException _ -> "this is not a folder";
            default -> "the file cannot be used (" + e.getClass().getSimpleName() + ")";
        };
    }
}
