package bita.cli;

import bita.api.Answer;
import bita.api.ContextOverflowException;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.Message;
import bita.api.Session;
import bita.model.template.TemplateException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The messages so far and what can be done with them. The session keeps what it has read of them. */
final class Conversation {
    private static final String HELP = """
            /reset        forget the conversation
            /system TEXT  set the system message; without a text, remove it
            /stats        what this conversation took so far
            /exit         end, as Ctrl-D does
            Ctrl-C        stop the answer
            """;

    private final Terminal terminal;
    private final LanguageModel model;
    private final Session session;
    private final GenerationOptions options;
    private final List<Message> messages = new ArrayList<>(); // without the system message
    private Optional<String> system;

    private int answers;
    private long tokens;
    private long tokensAfterFirst;
    private long steps;
    private long decodeNanos;

    Conversation(
            Terminal terminal,
            LanguageModel model,
            Session session,
            GenerationOptions options,
            Optional<String> system) {
        this.terminal = terminal;
        this.model = model;
        this.session = session;
        this.options = options;
        this.system = system;
    }

    /** Does what a line says; false if it ends the conversation. */
    boolean take(String line, ChatInput input) {
        String text = line.strip();
        if (text.isEmpty()) {
            return true;
        }
        if (!text.startsWith("/")) {
            answer(line, input);
            return !terminal.interruption().requested();
        }
        int space = text.indexOf(' ');
        String command = space < 0 ? text : text.substring(0, space);
        String argument = space < 0 ? "" : text.substring(space).strip();
        switch (command) {
            case "/help" -> terminal.print(HELP);
            case "/reset" -> messages.clear();
            case "/system" -> system = Optional.of(argument).filter(a -> !a.isEmpty());
            case "/stats" -> terminal.println(statistics());
            case "/exit" -> {
                return false;
            }
            default -> terminal.error("there is no command " + command + "; /help lists them");
        }
        return true;
    }

    private void answer(String line, ChatInput input) {
        messages.add(Message.user(line));
        try (AnswerPrinter printer = new AnswerPrinter(terminal, AnswerPrinter.Show.TEXT);
                var _ = input.stopping(session::cancel)) {
            Answer answer = session.generate(prompt(), options, printer);
            printer.finish();
            messages.add(Message.assistant(answer.text()));
            count(answer.statistics());
            if (terminal.errIsTerminal() && terminal.outIsTerminal()) {
                terminal.note(Statistics.line(session, answer, options.sampling()));
            }
        } catch (ContextOverflowException e) {
            messages.removeLast();
            terminal.error(Failure.sentence(e) + "; here /reset starts over");
        } catch (TemplateException e) {
            messages.removeLast();
            terminal.error(Failure.sentence(e));
        }
    }

    private int[] prompt() throws TemplateException {
        List<Message> all = new ArrayList<>();
        system.map(Message::system).ifPresent(all::add);
        all.addAll(messages);
        return model.prompt(all);
    }

    private void count(Answer.Statistics statistics) {
        answers++;
        tokens += statistics.completionTokens();
        if (statistics.steps() > 0) {
            tokensAfterFirst += statistics.completionTokens() - 1;
            steps += statistics.steps();
            decodeNanos += statistics.decodeNanos();
        }
    }

    private String statistics() {
        StringBuilder text = new StringBuilder()
                .append(answers)
                .append(answers == 1 ? " answer, " : " answers, ")
                .append(Format.count(tokens))
                .append(" tokens");
        if (steps > 0) {
            text.append(", ")
                    .append(Format.threeDigits(tokensAfterFirst / (decodeNanos / 1e9)))
                    .append(" tokens/s, ")
                    .append(Format.threeDigits(tokensAfterFirst / (double) steps))
                    .append(" tokens per step");
        }
        return text.append(", ").append(session.method().name()).toString();
    }
}
