package bita.api.json;

/** A JSON Schema that cannot be used; the message says where it stands and what is wrong with it. */
public final class JsonSchemaException extends Exception {
    private static final long serialVersionUID = 1L;

    JsonSchemaException(String message) {
        super(message);
    }
}
