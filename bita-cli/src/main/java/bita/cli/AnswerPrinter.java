package bita.cli;

import bita.api.AnswerListener;
import bita.cli.Terminal.Style;

/** Writes an answer to standard output as it forms, and shows before that how the prompt is read. */
final class AnswerPrinter implements AnswerListener, AutoCloseable {
    /** How a piece of text is shown. */
    enum Show {
        /** Not at all. */
        NOTHING,
        /** As it is. */
        TEXT,
        /** Marked by how it came about. */
        DRAFTS
    }

    private final Terminal terminal;
    private final Show show;
    private final ProgressBar promptBar;
    private boolean endsLine = true;
    private boolean finished;

    AnswerPrinter(Terminal terminal, Show show) {
        this.terminal = terminal;
        this.show = show;
        this.promptBar = ProgressBar.ofPrompt(terminal);
    }

    @Override
    public void prompt(int tokensRead, int tokens) {
        promptBar.update(tokensRead, tokens);
    }

    @Override
    public void text(Piece piece) {
        promptBar.clear();
        switch (show) {
            case NOTHING -> {
                return;
            }
            case TEXT -> terminal.print(piece.text());
            case DRAFTS -> terminal.print(marked(piece));
        }
        endsLine = piece.text().endsWith("\n");
    }

    private String marked(Piece piece) {
        if (terminal.outHasColours()) {
            return switch (piece.origin()) {
                case ROOT -> piece.text();
                case MASK -> Style.GREEN.apply(piece.text());
                case LOOKUP, AUTOMATON -> Style.CYAN.apply(piece.text());
                case LOOKAHEAD, RECYCLING, BIGRAM -> Style.YELLOW.apply(piece.text());
            };
        }
        return switch (piece.origin()) {
            case ROOT -> piece.text();
            case MASK -> "[" + piece.text() + "]";
            case LOOKUP, AUTOMATON -> "{" + piece.text() + "}";
            case LOOKAHEAD, RECYCLING, BIGRAM -> "<" + piece.text() + ">";
        };
    }

    /** Ends the last line, and explains the marks; once. */
    void finish() {
        promptBar.clear();
        if (!endsLine) {
            terminal.print("\n");
            endsLine = true;
        }
        if (show == Show.DRAFTS && !finished) {
            String mask = terminal.outHasColours() ? Style.GREEN.apply("green") : "[in brackets]";
            String lookup = terminal.outHasColours() ? Style.CYAN.apply("cyan") : "{in braces}";
            String logits = terminal.outHasColours() ? Style.YELLOW.apply("yellow") : "<in angles>";
            terminal.print(
                    "\n" + mask + ": drafted by masks and accepted; " + lookup
                            + ": found in the text before and accepted; " + logits
                            + ": from what the model thought in earlier steps or answers, and accepted; the rest is the model's own choice\n");
        }
        finished = true;
    }

    @Override
    public void close() {
        promptBar.close();
    }
}
