package bita.model.template;

import java.time.Clock;
import java.util.List;
import java.util.Map;

/** Stub. */
public final class ChatTemplate {
    private ChatTemplate() {}

    /** Stub. */
    public static ChatTemplate parse(String source) throws TemplateException {
        return new ChatTemplate();
    }

    /** Stub. */
    @SuppressWarnings("unchecked")
    public String render(Map<String, ?> variables, Clock clock) throws TemplateException {
        StringBuilder b = new StringBuilder(
                "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n");
        for (Map<String, Object> m : (List<Map<String, Object>>) variables.get("messages")) {
            b.append("<|im_start|>" + m.get("role") + "\n" + m.get("content") + "<|im_end|>\n");
        }
        return b.append("<|im_start|>assistant\n").toString();
    }
}
