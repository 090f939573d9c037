package bita.langchain4j;

import bita.api.GenerationOptions;

/** A request as the service takes it. */
final class Request {
    final int[] prompt;
    final GenerationOptions options;

    Request(int[] prompt, GenerationOptions options) {
        this.prompt = prompt;
        this.options = options;
    }
}
