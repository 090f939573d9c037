package bita.api.json;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/** Which bytes a format lets through; quotes are written as ' in most texts and schemas here. */
class JsonFormatTest {
    private static JsonFormat format(String schema) throws JsonSchemaException {
        return schema.equals("any object") ? JsonFormat.anyObject() : JsonFormat.schema(schema.replace('\'', '"'));
    }

    /** The bytes that are let through, or all and a mark of the end where the text can end there. */
    private static String read(JsonFormat format, byte[] text) {
        State state = format.start();
        Steps scratch = new Steps();
        for (int i = 0; i < text.length; i++) {
            state = state.step(text[i] & 0xff, scratch);
            if (state.isDead()) {
                return new String(text, 0, i, StandardCharsets.ISO_8859_1);
            }
        }
        return new String(text, StandardCharsets.ISO_8859_1) + (state.isComplete() ? "<end>" : "");
    }

    private static String read(String schema, String text) throws JsonSchemaException {
        String bytes = text.replace('\'', '"');
        String read = read(format(schema), bytes.getBytes(StandardCharsets.UTF_8));
        return new String(read.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8).replace('"', '\'');
    }

    private static void accepts(String schema, String... texts) throws JsonSchemaException {
        for (String text : texts) {
            assertThat(read(schema, text)).as("%s: %s", schema, text).isEqualTo(text + "<end>");
        }
    }

    /** Texts with | where the first byte stands that cannot come. */
    private static void refuses(String schema, String... texts) throws JsonSchemaException {
        for (String text : texts) {
            String read = read(schema, text.replace("|", ""));
            assertThat(read).as("%s: %s", schema, text).isEqualTo(text.substring(0, text.indexOf('|')));
        }
    }

    @Test
    void anyObject() throws JsonSchemaException {
        accepts(
                "any object",
                "{}",
                "{'a':1}",
                " {'a': [1, -2.5e+10, 'x', true, false, null, {}, []], 'b': {'a': {}}}",
                "\n{\n  'a': 1,\n\t'b' : [\n        1\n]\n}",
                "{'':0}");
        refuses(
                "any object",
                "|[]",
                "{}| ",
                "{}|}",
                " | {}",
                "{'a'|,",
                "{'a':1,|}",
                "{'a':1|'b'",
                "{'a':[1,|]}",
                "{'a':[|,",
                "{'a':tr|ee}",
                "{'a':0|1}",
                "{'a':1.|}",
                "{'a':-|}",
                "{'a':|.5}",
                "{'a':1e|}",
                "{|a:1}",
                "{'a':1}|\n",
                "{\n|\n",
                "{|\r");
        assertThat(read("any object", "{'a':1")).isEqualTo("{'a':1");
    }

    @Test
    void whiteSpaceIsBounded() throws JsonSchemaException {
        refuses("any object", "{ | ", "{\n    | ", "{'a':{\n        | ", "{ |\n");
        accepts("any object", "{\n\t\t\t\t}", "{'a':[\n        ]}");
    }

    @Test
    void namesDoNotRepeat() throws JsonSchemaException {
        refuses("any object", "{'a':1,'a|'", "{'a':1,'b':2,'a|'", "{'a':{'b':1,'b|'");
        accepts("any object", "{'a':1,'ab':2,'':3}", "{'a':{'a':1},'b':{'a':2}}");
        refuses("any object", "{'a|\\n'");
    }

    @Test
    void numbersEnd() throws JsonSchemaException {
        String digits = "12345678901234567890";
        refuses("{'type':'number'}", digits + "|1", "0." + digits + "|1", "1e12|3", "-|-", "1|/", "1.5|.");
        accepts("{'type':'number'}", "0", "-0", "-0.5e-10", digits, "7E+9");
        refuses("{'type':'integer'}", "9223372036854775807|0", "922337203685477580|8", "1|.", "-|0", "1|e", "0|0");
        accepts("{'type':'integer'}", "0", "9223372036854775807", "-9223372036854775808", "-10");
    }

    @Test
    void boundsOfNumbers() throws JsonSchemaException {
        String age = "{'type':'integer','minimum':18,'maximum':120}";
        accepts(age, "18", "20", "99", "100", "120");
        refuses(age, "|0", "|-", "12|1", "20|0", "1|3");
        assertThat(read(age, "2")).isEqualTo("2");
        assertThat(read(age, "17")).isEqualTo("1");
        String share = "{'type':'number','exclusiveMinimum':0,'maximum':1}";
        accepts(share, "1", "1.0", "0.5", "0.00000000000000000001");
        refuses(share, "|-", "|2", "1.0|1", "0." + "0".repeat(19) + "|0", "0|e");
        assertThat(read(share, "0")).isEqualTo("0");
        String below = "{'type':'integer','minimum':-5,'exclusiveMaximum':-2.5}";
        accepts(below, "-3", "-5");
        refuses(below, "|1", "-|2", "-|6", "-3|0");
        accepts("{'type':'number','minimum':-1.5}", "-1.5", "-1.4999", "7.25", "0", "99999999999999999999");
        refuses("{'type':'number','minimum':-1.5}", "-1.5|1", "-|2", "-1.5000|1", "-1.|6");
    }

    @Test
    void stringsAreUtf8() throws JsonSchemaException {
        String any = "{'type':'string'}";
        accepts(any, "''", "'\u007f\u00e9\u20ac\ud83d\ude00'", "'\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00'");
        refuses(
                any,
                "'\\|x",
                "'\\u00|g",
                "'\\ud83d|'",
                "'\\ud83d\\|n",
                "'\\ud83d\\u|0",
                "'\\ud83d\\ud|8",
                "'\\ud|c",
                "'|\n");
        accepts(any, "'\\''");
    }

    private static Stream<Arguments> byteStrings() {
        return Stream.of(
                Arguments.of(new int[] {0xc3, 0xa9}, 2),
                Arguments.of(new int[] {0x80}, 0),
                Arguments.of(new int[] {0xc1}, 0),
                Arguments.of(new int[] {0xc3, 0xc3}, 1),
                Arguments.of(new int[] {0xc3, '"'}, 1),
                Arguments.of(new int[] {0xe0, 0x9f}, 1),
                Arguments.of(new int[] {0xe0, 0xa0, 0x80}, 3),
                Arguments.of(new int[] {0xed, 0xa0}, 1),
                Arguments.of(new int[] {0xed, 0x9f, 0xbf}, 3),
                Arguments.of(new int[] {0xef, 0xbf, 0xbf}, 3),
                Arguments.of(new int[] {0xf0, 0x8f}, 1),
                Arguments.of(new int[] {0xf0, 0x90, 0x80, 0x80}, 4),
                Arguments.of(new int[] {0xf3, 0xbf, 0xbf, 0xbf}, 4),
                Arguments.of(new int[] {0xf4, 0x90}, 1),
                Arguments.of(new int[] {0xf4, 0x8f, 0xbf, 0xbf}, 4),
                Arguments.of(new int[] {0xf5}, 0));
    }

    @ParameterizedTest
    @MethodSource("byteStrings")
    void bytesThatAreNoUtf8(int[] bytes, int valid) throws JsonSchemaException {
        for (String schema : new String[] {"{\"type\":\"string\"}", "{\"type\":\"object\"}"}) {
            String before = schema.contains("object") ? "{\"" : "\"";
            byte[] text = new byte[before.length() + bytes.length];
            System.arraycopy(before.getBytes(StandardCharsets.UTF_8), 0, text, 0, before.length());
            for (int i = 0; i < bytes.length; i++) {
                text[before.length() + i] = (byte) bytes[i];
            }
            assertThat(read(JsonFormat.schema(schema), text)).hasSize(before.length() + valid);
        }
    }

    @Test
    void lengthsCountCodePoints() throws JsonSchemaException {
        String two = "{'type':'string','minLength':2,'maxLength':3}";
        accepts(two, "'ab'", "'\u20ac\ud83d\ude00x'", "'\\n\\ud83d\\ude00'", "'\\u0041bc'");
        refuses(two, "'a|'", "'abc|d", "'\\ud83d\\ude00|'");
    }

    @Test
    void propertiesInTheirOrder() throws JsonSchemaException {
        String schema = "{'type':'object','properties':{'a':{'type':'integer'},'ab':{'type':'null'},'c':{'type':"
                + "'boolean'}},'required':['ab']}";
        accepts(schema, "{'ab':null}", "{'a':1,'ab':null,'c':true}", "{ 'ab' : null , 'c' : false }");
        refuses(schema, "{|}", "{'a':1|}", "{'|c", "{'a':1,'a|'", "{'ab':null,'|a", "{'ab':null,'c':true|,", "{'|x");
    }

    @Test
    void otherProperties() throws JsonSchemaException {
        String open = "{'type':'object','properties':{'a':{'type':'integer'},'b':{}},'required':['a'],"
                + "'additionalProperties':{'type':'boolean'}}";
        accepts(open, "{'a':1,'b':'x','c':true,'d':false}", "{'a':1,'c':true}", "{'a':1,'bc':true}");
        refuses(open, "{'|c", "{'a':1,'c':true,'b|'", "{'a':1,'c':true,'c|'", "{'a':1,'c':|1", "{'a':1,'a|'");
        accepts("{'type':'object','required':['x']}", "{'x':1}", "{'x':[],'y':2}");
        accepts("{'type':'object','additionalProperties':{'type':'integer'}}", "{}", "{'x':1,'y':2}");
        accepts("{'type':'object','additionalProperties':false}", "{}");
        refuses("{'type':'object','additionalProperties':false}", "{|'");
        accepts("{'type':'object','properties':{'q\\u0022\\u005c':{'type':'null'}}}", "{'q\\'\\\\':null}");
    }

    @Test
    void lists() throws JsonSchemaException {
        String two = "{'type':'array','items':{'type':'integer'},'minItems':2,'maxItems':3}";
        accepts(two, "[1,2]", "[1, 2, 3]");
        refuses(two, "[|]", "[1|]", "[1,2,3|,", "[|'");
        accepts("{'type':'array','items':{'type':'integer'}}", "[]", "[1,2,3,4,5,6,7]");
        String pair = "{'type':'array','prefixItems':[{'type':'integer'},{'type':'string'}],'items':false}";
        accepts(pair, "[]", "[1]", "[1,'x']");
        refuses(pair, "[|'", "[1,|2", "[1,'x'|,");
        String rest = "{'type':'array','prefixItems':[{'type':'integer'}],'items':{'type':'null'}}";
        accepts(rest, "[]", "[1]", "[1,null,null]");
        refuses(rest, "[|n", "[1,|1", "[1,null,|1");
        accepts("{'type':'array','items':false}", "[]");
        accepts("{'type':'array','maxItems':1}", "[]", "[{'a':[1]}]");
    }

    @Test
    void valuesThatAreWrittenOut() throws JsonSchemaException {
        String schema = "{'enum':['a','ab',1,12,-1.5,true,null,{'x':[1,2]}]}";
        accepts(schema, "'a'", "'ab'", "1", "12", "-1.5", "true", "null", "{'x':[1,2]}");
        refuses(schema, "'|b", "1|3", "|2", "12|0", "1| ");
        accepts("{'type':'string','enum':['a',1]}", "'a'");
        refuses("{'type':'string','enum':['a',1]}", "|1");
        accepts("{'type':'array','items':{'enum':[1,12]}}", "[1,12, 1 ]");
        accepts("{'const':'\u00e9\\n\\u0022'}", "'\u00e9\\n\\''");
    }

    @Test
    void alternatives() throws JsonSchemaException {
        String schema = "{'anyOf':[{'type':'object','properties':{'a':{'type':'integer'}},'required':['a']},"
                + "{'type':'object','properties':{'a':{'type':'string'},'b':{'type':'null'}},'required':['a','b']},"
                + "{'type':['null','integer']}]}";
        accepts(schema, "{'a':1}", "{'a':'x','b':null}", "null", "7");
        refuses(schema, "{'a':1|,", "{'a':'x'|}", "|'", "{'a':|n");
        accepts("{'anyOf':[{'const':'x'},{'type':'string','maxLength':1},{'const':'xyz'}]}", "'x'", "'y'", "'xyz'");
        accepts("{'anyOf':[{'type':'integer'},{'type':'number','minimum':0.5}]}", "0", "1.5", "-3", "77");
        refuses("{'anyOf':[{'type':'integer'},{'type':'number','minimum':0.5}]}", "-3|.", "0.|4");
        String tagged = "{'oneOf':[{'type':'object','properties':{'k':{'const':'a'},'x':{}},'required':['k']},"
                + "{'type':'object','properties':{'k':{'const':'b'},'y':{}},'required':['k']}]}";
        accepts(tagged, "{'k':'a','x':1}", "{'k':'b','y':1}");
        refuses(tagged, "{'k':'a','|y", "{'k':'|c");
        accepts("{'oneOf':[{'type':'string'},{'type':'integer'},{'enum':[null,true]}]}", "'x'", "1", "null");
        accepts("{'allOf':[{'type':'null'}],'title':'x'}", "null");
    }

    @Test
    void references() throws JsonSchemaException {
        String tree = "{'$ref':'#/$defs/node','$defs':{'node':{'type':'object','properties':{'next':{'anyOf':["
                + "{'$ref':'#/$defs/node'},{'type':'null'}]}},'required':['next']}}}";
        accepts(tree, "{'next':null}", "{'next':{'next':{'next':null}}}");
        refuses(tree, "{'next':|1", "{'next':{|}");
        String self = "{'type':'array','items':{'$ref':'#'}}";
        accepts(self, "[]", "[[],[[]]]");
        accepts(
                "{'properties':{'a~/b %':{'type':'null'},'c':{'$ref':'#/properties/a~0~1b%20%25'}}}",
                "{'a~/b %':null,'c':null}");
    }

    /** What is as deep as it may be leaves room for its end. */
    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "{'type':'array','items':{'$ref':'#'}}; [; ]; 64",
                "{'$ref':'#/$defs/node','$defs':{'node':{'type':'object','properties':{'next':{'anyOf':["
                        + "{'$ref':'#/$defs/node'},{'type':'array','items':{'type':'array'},'minItems':1}]}},"
                        + "'required':['next']}}}; {'next':; [[]]; 62",
                "any object; {'a':; 1; 64"
            })
    void depthIsBounded(String schema, String opening, String end, int most) throws JsonSchemaException {
        String deepest = opening.repeat(most);
        assertThat(read(schema, deepest)).isEqualTo(deepest);
        assertThat(read(schema, deepest + opening)).hasSizeLessThan(deepest.length() + opening.length());
        assertThat(read(schema, deepest + end)).isEqualTo(deepest + end);
    }

    @ParameterizedTest
    @ValueSource(strings = {"true", "{}", "{'title':'x','description':'y','default':1,'examples':[],'$comment':''}"})
    void anyValue(String schema) throws JsonSchemaException {
        accepts(schema, "1", "'x'", "null", "[{'a':1}]", "{'a':{}}", " true");
    }

    @Test
    void typesFollowFromKeywords() throws JsonSchemaException {
        accepts("{'minLength':1}", "'x'");
        refuses("{'minLength':1}", "|1");
        accepts("{'properties':{'a':{}},'minItems':1}", "{}", "[1]");
        refuses("{'properties':{'a':{}},'minItems':1}", "[|]", "|1");
    }

    @Test
    void aParsedSchema() throws JsonSchemaException {
        assertThat(read(
                        JsonFormat.schema(JsonMapper.shared().readTree("{\"type\":\"null\"}")),
                        "null".getBytes(StandardCharsets.UTF_8)))
                .isEqualTo("null<end>");
    }
}
