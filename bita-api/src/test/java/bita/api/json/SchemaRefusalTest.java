package bita.api.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Schemas that cannot be heeded are refused, whoever wrote them and why; quotes are written as ' here. */
class SchemaRefusalTest {
    private static void refuses(String schema, String message) {
        assertThatThrownBy(() -> JsonFormat.schema(schema.replace('\'', '"')))
                .as(schema)
                .isInstanceOf(JsonSchemaException.class)
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "{'properties':{'a':{'if':true}}}; #/properties/a: the keyword 'if' is not supported",
                "{'properties':{'a/b~':{'if':1}}}; #/properties/a~1b~0: the keyword",
                "{'type':'string','pattern':'a'}; #: the keyword 'pattern' is not supported",
                "{'type':'string','format':'date'}; the keyword 'format'",
                "{'type':'integer','multipleOf':2}; the keyword 'multipleOf'",
                "{'type':'array','uniqueItems':true}; the keyword 'uniqueItems'",
                "{'items':{'$id':'x'}}; #/items: the keyword '$id' is only supported at the top",
                "{'type':'date'}; #/type: a type is one of",
                "{'type':[]}; #/type: one or more types",
                "{'type':1}; a type is one of",
                "false; #: the schema false",
                "{'items':[true]}; #/items: a schema is an object, or true, not a list",
                "{'items':null}; not null",
                "1; not a number",
                "{'properties':[]}; #/properties: an object of schemas",
                "{'required':'a'}; #/required: a list of names",
                "{'required':[1]}; #/required: a list of names",
                "{'required':['a'],'additionalProperties':false}; 'a' is required",
                "{'minLength':-1}; #/minLength: a whole number",
                "{'minLength':1.5}; #/minLength: a whole number",
                "{'minItems':'1'}; #/minItems: a whole number",
                "{'minLength':2,'maxLength':1}; at least 2 characters and at most 1",
                "{'prefixItems':[true],'items':false,'minItems':2}; at least 2 items and at most 1",
                "{'prefixItems':[]}; #/prefixItems: a list",
                "{'minimum':'1'}; #/minimum: a number",
                "{'minimum':1e500}; #/minimum: a number has an exponent up to 400",
                "{'minimum':1e-99999}; #/minimum: a number has",
                "{'type':'integer','exclusiveMinimum':1,'exclusiveMaximum':2}; no number lies between",
                "{'type':'integer','minimum':1e19}; no number lies between",
                "{'enum':[]}; #/enum: a list of one or more values",
                "{'enum':{}}; #/enum: a list of one or more values",
                "{'type':'integer','enum':['a',1.5]}; #/enum: no value is of the type",
                "{'enum':['a'],'minLength':1}; #: the keyword 'minLength' is not supported beside 'enum'",
                "{'const':1000e2147483640}; #/const: a number has",
                "{'const':'\\ud800'}; half of a surrogate pair",
                "{'properties':{'\\udc00':true}}; low surrogate",
                "{'anyOf':[]}; #/anyOf: a list of one or more schemas",
                "{'anyOf':[{}],'type':'string'}; the keyword 'type' is not supported beside 'anyOf'",
                "{'allOf':[{},{}]}; 'allOf' is only supported with one schema",
                "{'oneOf':[{'type':'string'},{'type':'string','maxLength':3}]}; 'oneOf' is only supported where",
                "{'oneOf':[{'type':'number'},{'enum':['a',2]}]}; 'oneOf' is only supported where",
                "{'oneOf':[{'enum':[1]},{'enum':[1.0]}]}; 'oneOf' is only supported where",
                "{'oneOf':[{'type':'null'},{'minLength':1}]}; 'oneOf' is only supported where",
                "{'oneOf':[{'type':'object','properties':{'k':{'const':1}}},{'type':'object','properties':"
                        + "{'k':{'const':2}}}]}; 'oneOf' is only supported where",
                "{'$ref':'http://x/y'}; #/$ref: only references into the same document",
                "{'$ref':'#name'}; JSON pointers",
                "{'$ref':'#/%zz'}; percent-encoded",
                "{'$ref':'#/$defs/x'}; #/$ref: there is nothing at #/$defs/x",
                "{'$ref':1}; only references into the same document",
                "{'$ref':'#'}; #: the schema refers to itself",
                "{'anyOf':[{'type':'null'},{'$ref':'#'}]}; the schema refers to itself",
                "{'type':'object','properties':{'a':{'$ref':'#'}},'required':['a']}; no value of up to 64 objects and lists",
                "{'type':'array','items':{'$ref':'#'},'minItems':1}; no value of up to 64 objects and lists",
                "{'a':1,'a':2}; cannot be read as JSON",
                "{} {}; cannot be read as JSON",
                "{'minimum':1e99999999999}; cannot be read as JSON",
            })
    void refusesWhatItCannotHeed(String schema, String message) {
        refuses(schema, message);
    }

    @Test
    void refusesNoTextAtAll() {
        refuses("", "cannot be read as JSON");
    }

    /** A thread with a small stack and not much time, as servers have. */
    private static String message(String schema) throws InterruptedException {
        AtomicReference<String> message = new AtomicReference<>("accepted");
        Thread thread = new Thread(
                null,
                () -> {
                    try {
                        JsonFormat.schema(schema);
                    } catch (JsonSchemaException | RuntimeException | Error e) {
                        message.set(e.toString());
                    }
                },
                "small",
                256 * 1024);
        thread.start();
        thread.join();
        return message.get();
    }

    private static String chain(int links, String link, String last) {
        StringBuilder schema = new StringBuilder("{\"$ref\":\"#/$defs/0\",\"$defs\":{");
        for (int i = 0; i < links; i++) {
            schema.append('"')
                    .append(i)
                    .append("\":")
                    .append(link.replace("NEXT", "#/$defs/" + (i + 1)))
                    .append(',');
        }
        return schema.append('"')
                .append(links)
                .append("\":")
                .append(last)
                .append("}}")
                .toString();
    }

    @Test
    @Timeout(20)
    void hostileSchemasAreRefusedOrCheap() throws InterruptedException {
        assertThat(message("[".repeat(60_000))).contains("cannot be read as JSON");
        assertThat(message("{\"items\":".repeat(90) + "true" + "}".repeat(90))).isEqualTo("accepted");
        assertThat(message("\"" + "x".repeat(70_000) + "\"")).contains("up to 65536 characters");
        assertThat(message("{\"anyOf\":[" + "{},".repeat(20_000) + "{}]}")).contains("up to 4096 schemas");
        assertThat(message(chain(1800, "{\"$ref\":\"NEXT\"}", "{\"type\":\"null\"}")))
                .isEqualTo("accepted");
        String doubling = "{\"anyOf\":[{\"$ref\":\"NEXT\"},{\"$ref\":\"NEXT\"}]}";
        assertThat(message(chain(800, doubling, "{\"type\":\"null\"}"))).isEqualTo("accepted");
        String growing = "{\"anyOf\":[{\"$ref\":\"NEXT\"},{\"const\":\"NEXT\"}]}";
        assertThat(message(chain(800, growing, "{\"type\":\"null\"}"))).contains("values that are written out");
        String deeper = "{\"type\":\"array\",\"items\":{\"$ref\":\"NEXT\"},\"minItems\":1}";
        assertThat(message(chain(63, deeper, "{\"type\":\"null\"}"))).isEqualTo("accepted");
        assertThat(message(chain(500, deeper, "{\"type\":\"null\"}")))
                .contains("no value of up to 64 objects and lists");
        String shapes = "{\"anyOf\":[{\"$ref\":\"NEXT\"},{\"type\":\"array\"}]}";
        assertThat(message(chain(100, shapes, "{\"type\":\"null\"}"))).contains("up to 64 alternatives");
    }

    /** Texts that can be read in more and more ways: their number is bounded, and what is let through is still valid. */
    @Test
    @Timeout(20)
    void alternativesDoNotMultiply() throws JsonSchemaException {
        JsonFormat format = JsonFormat.schema("""
                {"anyOf": [
                  {"type": "array", "items": {"$ref": "#"}}, {"type": "array", "items": {"$ref": "#"}, "minItems": 1},
                  {"type": "array", "items": {"$ref": "#"}, "maxItems": 9}, {"type": "null"}]}""");
        State state = format.start();
        Steps scratch = new Steps();
        for (int i = 0; i < 60; i++) {
            state = state.step('[', scratch);
        }
        assertThat(state.stacks()).hasSizeLessThanOrEqualTo(64);
        for (byte b : ("null" + "]".repeat(60)).getBytes(java.nio.charset.StandardCharsets.US_ASCII)) {
            state = state.step(b, scratch);
        }
        assertThat(state.isComplete()).isTrue();
    }
}
