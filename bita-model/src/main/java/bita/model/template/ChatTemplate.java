package bita.model.template;

import java.time.Clock;
import java.util.List;
import java.util.Map;

/**
 * A parsed chat template in the dialect that Hugging Face transformers renders: Jinja2's immutable sandbox with
 * {@code trim_blocks}, {@code lstrip_blocks}, loop controls and {@code generation} blocks.
 *
 * <p>Templates come with model files and are not trusted: they reach nothing but the variables given, the clock and a
 * fixed set of functions, and their nesting, work and memory are bounded (see {@link Budget}). Text in variables is
 * data, never template code. Immutable and safe for use by several threads.
 *
 * @see <a href="https://jinja.palletsprojects.com/en/stable/templates/">Template Designer Documentation</a>
 * @see <a href="https://huggingface.co/docs/transformers/chat_templating_writing">Writing a chat template</a>
 */
public final class ChatTemplate {
    private final List<Statement> body;

    private ChatTemplate(List<Statement> body) {
        this.body = body;
    }

    /**
     * Parses a template.
     *
     * @throws TemplateException if the source is not a template of this dialect, too long or too deeply nested
     */
    public static ChatTemplate parse(String source) throws TemplateException {
        try {
            return new ChatTemplate(new Parser(Lexer.tokens(source)).template());
        } catch (StackOverflowError e) {
            throw stackExhausted();
        }
    }

    /**
     * Renders the template.
     *
     * @param variables text, booleans, whole and floating-point numbers, lists, and maps with text keys, in their
     *     order; null stands for {@code None}
     * @param clock what {@code strftime_now} reads, in the clock's time zone
     * @throws TemplateException if the template refuses its input ({@code raise_exception}), makes a mistake, or
     *     exceeds a limit; also if a variable is of another type
     */
    public String render(Map<String, ?> variables, Clock clock) throws TemplateException {
        try {
            return new Interpreter(clock).render(body, variables);
        } catch (StackOverflowError e) {
            throw stackExhausted();
        }
    }

    /** The nesting limit fits a thread's usual stack; a caller may have used most of it already. */
    private static TemplateException stackExhausted() {
        return new TemplateException("The template is nested too deeply for the stack of this thread");
    }
}
