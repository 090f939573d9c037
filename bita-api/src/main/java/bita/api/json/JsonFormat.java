package bita.api.json;

import bita.decode.LogitsProcessor;
import tools.jackson.databind.JsonNode;

/**
 * The JSON that an answer is to be. Immutable; one may serve any number of answers.
 *
 * <p>An answer has only tokens that continue a valid text, and it can end exactly where the text is complete. What may come is
 * a part of all valid texts, so that models do not run in circles and every reader understands them:
 *
 * <ul>
 *   <li>White space between tokens of JSON is one blank, or a line break with up to four blanks or tabs for each object and
 *       list that is open. None follows the whole text.
 *   <li>Integers fit 64 bits. Other numbers have up to 20 digits before and behind the point and an exponent of up to two
 *       digits, so that they end and are finite as f64; none where the schema bounds them.
 *   <li>Objects and lists are nested up to {@value #MOST_DEPTH} deep.
 *   <li>An object has no name twice. Names that a schema declares come in its order; others behind them, and without
 *       escapes. Names and values that a schema writes out are written in one way.
 * </ul>
 *
 * <p>Where no token of the vocabulary can continue a text, though bytes could, the answer ends.
 */
public final class JsonFormat {
    /** Most objects and lists within each other. */
    public static final int MOST_DEPTH = 64;

    private static final JsonFormat OBJECT = new JsonFormat(Choice.of(Anything.OBJECT));

    private final Choice root;

    private JsonFormat(Choice root) {
        this.root = root;
    }

    /** Any JSON object. */
    public static JsonFormat anyObject() {
        return OBJECT;
    }

    /**
     * What a JSON Schema (draft 2020-12) describes. Every answer satisfies the schema; keywords that cannot be heeded are
     * refused. Heeded are:
     *
     * <ul>
     *   <li>{@code type}, a name or several; where it is missing, beside keywords of some types, the types of these;
     *   <li>{@code enum} and {@code const}, beside {@code type};
     *   <li>{@code properties}, {@code required} and {@code additionalProperties}; where the last is missing, names that are
     *       not declared come only in objects that declare none;
     *   <li>{@code items}, {@code prefixItems}, {@code minItems} and {@code maxItems};
     *   <li>{@code minLength} and {@code maxLength}, in code points;
     *   <li>{@code minimum}, {@code maximum}, {@code exclusiveMinimum} and {@code exclusiveMaximum};
     *   <li>{@code anyOf}; {@code oneOf} whose alternatives exclude each other by their type, by values that are written out,
     *       or by such values of a required property; {@code allOf} of one schema;
     *   <li>{@code $ref} into the same document, also recursive, {@code $defs} and {@code definitions}.
     * </ul>
     *
     * <p>{@code title}, {@code description}, {@code default}, {@code examples}, {@code $schema}, {@code $id} at the top,
     * {@code $comment}, {@code deprecated}, {@code readOnly} and {@code writeOnly} have no effect.
     *
     * @throws JsonSchemaException if the text is no such schema, or no value of up to {@value #MOST_DEPTH} objects and lists within each other satisfies it
     */
    public static JsonFormat schema(String jsonSchema) throws JsonSchemaException {
        return new JsonFormat(SchemaCompiler.compile(jsonSchema));
    }

    /** As {@link #schema(String)}, of a schema that has been parsed. */
    public static JsonFormat schema(JsonNode jsonSchema) throws JsonSchemaException {
        return new JsonFormat(SchemaCompiler.compile(jsonSchema));
    }

    /**
     * What holds one answer to the format.
     *
     * @throws IllegalArgumentException if the model has no token that ends an answer
     */
    public LogitsProcessor processor(TokenIndex tokens) {
        if (!tokens.hasEnd()) {
            throw new IllegalArgumentException(
                    "the model has no token that ends an answer, so that it cannot be held to a format");
        }
        return new FormatProcessor(start(), tokens);
    }

    /** Where texts begin. */
    State start() {
        return State.of(Stack.DONE.push(new Frame.Value(root, Blanks.NONE)));
    }
}
