package bita.tune.data;

import bita.model.template.ChatTemplate;
import bita.model.template.TemplateException;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a chat template puts around what the user says. A model that is given the opening and nothing else goes on with a
 * question of its own (Magpie, Xu 2024, arXiv 2406.08464).
 *
 * @param opening all that stands before a conversation's first user text: with most templates a system text, theirs or
 *     none, and the beginning of the user's turn; not empty
 * @param end     how the user's turn ends; where a template marks no beginning of the answer apart from it, that too
 * @param answer  how the model's turn begins behind the end; may be empty
 */
public record TurnMarkers(String opening, String end, String answer) {
    /** Letters only: templates trim blanks, and some look for tags. */
    private static final List<String> TEXTS = List.of("Vqzkjxwqkzjv", "Kwjqxzvkqjzw");

    private static final String ANSWER = "Zxvjqwkzqxjv";

    /**
     * Finds the markers by rendering texts that occur nowhere else.
     *
     * @param variables what the template is given besides the messages: {@code bos_token}, {@code eos_token}
     * @param clock     what a template reads that prints the date
     * @throws TemplateException if the template fails, or does not show a user's text as it is; the message says what to
     *     do instead
     */
    public static TurnMarkers of(ChatTemplate template, Map<String, ?> variables, Clock clock)
            throws TemplateException {
        TurnMarkers first = around(TEXTS.getFirst(), template, variables, clock);
        if (!first.equals(around(TEXTS.getLast(), template, variables, clock))) {
            throw unknown("puts different things around different texts");
        }
        return first;
    }

    private static TurnMarkers around(String text, ChatTemplate template, Map<String, ?> variables, Clock clock)
            throws TemplateException {
        Map<String, String> user = Map.of("role", "user", "content", text);
        Map<String, String> assistant = Map.of("role", "assistant", "content", ANSWER);
        String asked = render(template, variables, List.of(user), true, clock);
        int at = once(asked, text);
        String opening = asked.substring(0, at);
        String behind = asked.substring(at + text.length());
        if (opening.isEmpty()) {
            throw unknown("puts nothing before what the user says");
        }
        String open = render(template, variables, List.of(user), false, clock);
        String end = open.substring(once(open, text) + text.length());
        if (end.isEmpty() || !behind.startsWith(end)) {
            // Some templates close an unanswered conversation in another way: then as before an answer.
            String answered = render(template, variables, List.of(user, assistant), false, clock);
            int from = once(answered, text) + text.length();
            int to = once(answered, ANSWER);
            if (to < from) {
                throw unknown("puts the answer before what the user says");
            }
            end = commonTags(behind, answered.substring(from, to));
        }
        if (end.isBlank()) {
            end = behind;
        }
        if (end.isBlank()) {
            throw unknown("puts nothing behind what the user says");
        }
        return new TurnMarkers(opening, end, behind.substring(end.length()));
    }

    private static String render(
            ChatTemplate template,
            Map<String, ?> variables,
            List<Map<String, String>> messages,
            boolean generate,
            Clock clock)
            throws TemplateException {
        Map<String, Object> all = new LinkedHashMap<>(variables);
        all.put("messages", messages);
        all.put("add_generation_prompt", generate);
        return template.render(all, clock);
    }

    private static int once(String rendered, String text) throws TemplateException {
        int at = rendered.indexOf(text);
        if (at < 0) {
            throw unknown("does not show what is said as it is");
        }
        if (rendered.indexOf(text, at + 1) >= 0) {
            throw unknown("shows what is said more than once");
        }
        return at;
    }

    /** What both begin with, without the beginning of a tag in which they part. */
    private static String commonTags(String a, String b) {
        int length = 0;
        while (length < Math.min(a.length(), b.length()) && a.charAt(length) == b.charAt(length)) {
            length++;
        }
        String common = a.substring(0, length);
        int tag = common.lastIndexOf('<');
        return tag > common.lastIndexOf('>') ? common.substring(0, tag) : common;
    }

    private static TemplateException unknown(String reason) {
        return new TemplateException(
                "the model cannot ask itself, for its chat template " + reason + "; give it questions from a file");
    }
}
