package bita.dist;

import bita.cli.Main;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.asciidoctor.Asciidoctor;
import org.asciidoctor.Attributes;
import org.asciidoctor.Options;
import org.asciidoctor.SafeMode;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.codegen.docgen.manpage.ManPageGenerator;

/**
 * Writes what a shell and {@code man} are told about the commands, from the commands themselves: {@code man/*.1} and {@code
 * bita.bash}. Argument: the folder.
 */
public final class CommandPages {
    private CommandPages() {}

    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[0]);
        Path manual = Files.createDirectories(folder.resolve("man"));
        CommandLine commands = Main.commands();
        int status = ManPageGenerator.generateManPage(
                manual.toFile(), null, new boolean[0], true, commands.getCommandSpec());
        if (status != 0) {
            throw new IOException("the manual pages could not be written, status " + status);
        }
        convert(manual);
        Files.writeString(folder.resolve("bita.bash"), AutoComplete.bash("bita", commands));
    }

    /** Makes manual pages of the AsciiDoc files in a folder, and leaves nothing else there. */
    private static void convert(Path folder) throws IOException {
        List<Path> sources;
        try (Stream<Path> files = Files.list(folder)) {
            sources = files.filter(file -> file.toString().endsWith(".adoc")).toList();
        }
        // Without the day on which it is made.
        Attributes attributes =
                Attributes.builder().attribute("reproducible", "").build();
        Options options = Options.builder()
                .backend("manpage")
                .safe(SafeMode.UNSAFE) // the sources are ours, and files are written
                .attributes(attributes)
                .build();
        try (Asciidoctor asciidoctor = Asciidoctor.Factory.create()) {
            for (Path source : sources) {
                asciidoctor.convertFile(source.toFile(), options);
                Files.delete(source);
            }
        }
    }
}
