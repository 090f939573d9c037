package bita.server;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** Why a request gets no answer, for its sender. */
final class ApiError extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String type;
    private final @Nullable String code;
    private final @Nullable String param;

    private ApiError(int status, String type, @Nullable String code, @Nullable String param, String message) {
        super(message, null, false, false);
        this.status = status;
        this.type = type;
        this.code = code;
        this.param = param;
    }

    /** A request that is wrong as a whole. */
    static ApiError invalid(int status, String message) {
        return new ApiError(status, "invalid_request_error", null, null, message);
    }

    /** A wrong field. */
    static ApiError field(String param, String message) {
        return new ApiError(400, "invalid_request_error", null, param, message);
    }

    static ApiError contextLength(String param, int tokens, int context) {
        return new ApiError(
                400,
                "invalid_request_error",
                "context_length_exceeded",
                param,
                "the prompt has " + tokens + " tokens, but the context holds " + context
                        + " with at least one for the answer: shorten the prompt");
    }

    static ApiError key() {
        return new ApiError(
                401,
                "authentication_error",
                "invalid_api_key",
                null,
                "the server needs an API key: send it as \"Authorization: Bearer KEY\"");
    }

    static ApiError forbidden(String message) {
        return new ApiError(403, "permission_error", null, null, message);
    }

    static ApiError route(String path) {
        return new ApiError(404, "not_found_error", null, null, "there is no " + path);
    }

    static ApiError model(String asked, String served) {
        return new ApiError(
                404,
                "not_found_error",
                "model_not_found",
                "model",
                "there is no model '" + asked + "'; '" + served + "' is served");
    }

    static ApiError queueFull(String message) {
        return new ApiError(429, "rate_limit_error", "queue_full", null, message + ": try again later");
    }

    static ApiError unavailable(String message) {
        return new ApiError(503, "service_unavailable_error", null, null, message);
    }

    static ApiError timeout(long seconds) {
        return new ApiError(
                504, "timeout_error", null, null, "the request took longer than " + seconds + " s and was ended");
    }

    static ApiError notANumber(String message) {
        return new ApiError(500, "server_error", "not_a_number", null, message);
    }

    /** A fault, of which the sender learns nothing more. */
    static ApiError internal() {
        return new ApiError(500, "server_error", null, null, "an internal error; the server's log tells more");
    }

    int status() {
        return status;
    }

    /** For logs: the code, or the type where there is none. */
    String name() {
        return code == null ? type : code;
    }

    ObjectNode body() {
        ObjectNode body = Json.object();
        body.putObject("error")
                .put("message", getMessage())
                .put("type", type)
                .put("param", param)
                .put("code", code);
        return body;
    }
}
