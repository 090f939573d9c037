package bita.api.store;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A GGUF file on the Hugging Face hub, written {@code owner/repo/file.gguf}.
 *
 * @param repository {@code owner/repo}
 * @param file path inside the repository, with {@code /} between folders
 */
public record HubFile(String repository, String file) {

    // A segment starts with no dot, so neither "." nor ".." nor a hidden file can come out of a name.
    private static final String SEGMENT = "[A-Za-z0-9_-][A-Za-z0-9._+-]*";
    private static final Pattern REPOSITORY = Pattern.compile(SEGMENT + "/" + SEGMENT);
    private static final Pattern FILE = Pattern.compile("(?:" + SEGMENT + "/)*" + SEGMENT + "\\.gguf");
    private static final Pattern REFERENCE = Pattern.compile("(" + REPOSITORY + ")/(" + FILE + ")");

    public HubFile {
        if (!REPOSITORY.matcher(repository).matches()) {
            throw new IllegalArgumentException("'" + repository + "' is not of the form owner/repo.");
        }
        if (!FILE.matcher(file).matches()) {
            throw new IllegalArgumentException("'" + file + "' is not the name of a GGUF file.");
        }
    }

    /** The file that {@code owner/repo/file.gguf} names, or nothing if the text is not of that form. */
    public static Optional<HubFile> parse(String reference) {
        Matcher matcher = REFERENCE.matcher(reference);
        return matcher.matches() ? Optional.of(new HubFile(matcher.group(1), matcher.group(2))) : Optional.empty();
    }

    /** The form {@link #parse} reads. */
    @Override
    public String toString() {
        return repository + "/" + file;
    }
}
