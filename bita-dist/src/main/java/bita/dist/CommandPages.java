package bita.dist;

import bita.cli.Main;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.codegen.docgen.manpage.ManPageGenerator;

/**
 * Writes what a shell and {@code man} are told about the commands, from the commands themselves: {@code man/*.adoc}, which
 * AsciiDoctor turns into manual pages, and {@code bita.bash}. Argument: the folder.
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
        Files.writeString(folder.resolve("bita.bash"), AutoComplete.bash("bita", commands));
    }
}
