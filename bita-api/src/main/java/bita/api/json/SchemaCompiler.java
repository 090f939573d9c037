package bita.api.json;

import bita.api.json.BoundedNumber.Bound;
import java.math.BigDecimal;
import java.net.URLDecoder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Compiles a JSON Schema to shapes. Each schema in the document is compiled once, wherever it is referred to, from a list of
 * what is still to be done: neither nesting nor references take room on the thread's stack.
 */
final class SchemaCompiler {
    private static final int MOST_CHARACTERS = 65_536;
    private static final int MOST_SCHEMAS = 4096;
    private static final int MOST_NESTING = 100;
    private static final int MOST_ALTERNATIVES = 64;
    private static final int MOST_WRITTEN = 262_144; // characters of values
    private static final int MOST_NUMBER_CHARACTERS = 100;
    private static final int MOST_EXPONENT = 400; // either way; f64 has fewer

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MOST_NESTING)
                            .maxNumberLength(MOST_NUMBER_CHARACTERS)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();

    private static final Set<String> ANNOTATIONS = Set.of(
            "title",
            "description",
            "default",
            "examples",
            "$schema",
            "$comment",
            "deprecated",
            "readOnly",
            "writeOnly",
            "$defs",
            "definitions");
    private static final Set<String> ALTERNATIVES = Set.of("$ref", "anyOf", "oneOf", "allOf");
    private static final Map<String, Type> TYPE_OF_KEYWORD = Map.ofEntries(
            Map.entry("properties", Type.OBJECT),
            Map.entry("required", Type.OBJECT),
            Map.entry("additionalProperties", Type.OBJECT),
            Map.entry("items", Type.ARRAY),
            Map.entry("prefixItems", Type.ARRAY),
            Map.entry("minItems", Type.ARRAY),
            Map.entry("maxItems", Type.ARRAY),
            Map.entry("minLength", Type.STRING),
            Map.entry("maxLength", Type.STRING),
            Map.entry("minimum", Type.NUMBER),
            Map.entry("maximum", Type.NUMBER),
            Map.entry("exclusiveMinimum", Type.NUMBER),
            Map.entry("exclusiveMaximum", Type.NUMBER));
    private static final Set<String> WRITTEN_OUT = Set.of("enum", "const");

    /** The types of values. */
    private enum Type {
        OBJECT("object"),
        ARRAY("array"),
        STRING("string"),
        NUMBER("number"),
        INTEGER("integer"),
        BOOLEAN("boolean"),
        NULL("null");

        private final String title;

        Type(String title) {
            this.title = title;
        }

        static Optional<Type> of(String title) {
            for (Type type : values()) {
                if (type.title.equals(title)) {
                    return Optional.of(type);
                }
            }
            return Optional.empty();
        }

        boolean has(JsonNode value) {
            return switch (this) {
                case OBJECT -> value.isObject();
                case ARRAY -> value.isArray();
                case STRING -> value.isString();
                case NUMBER -> value.isNumber();
                case INTEGER -> value.isNumber() && isWhole(value.decimalValue());
                case BOOLEAN -> value.isBoolean();
                case NULL -> value.isNull();
            };
        }

        private static boolean isWhole(BigDecimal value) {
            return value.signum() == 0 || value.stripTrailingZeros().scale() <= 0;
        }
    }

    /** A schema of the document and what becomes of it. */
    private static final class Part {
        final JsonNode schema;
        final Pointer place;
        final Choice choice = new Choice();
        final List<Shape> shapes = new ArrayList<>();
        final List<Part> alternatives = new ArrayList<>();
        boolean exclusive; // oneOf
        boolean inferred; // the types, so that it allows less than the schema does
        int unresolved; // alternatives

        Part(JsonNode schema, Pointer place) {
            this.schema = schema;
            this.place = place;
        }
    }

    private final JsonNode document;
    private final IdentityHashMap<JsonNode, Part> parts = new IdentityHashMap<>();
    private final List<Part> ordered = new ArrayList<>();
    private final Deque<Part> open = new ArrayDeque<>();
    private final List<ObjectShape> objects = new ArrayList<>();
    private final List<ListShape> lists = new ArrayList<>();
    private int written; // characters of values that are written out

    private SchemaCompiler(JsonNode document) {
        this.document = document;
    }

    static Choice compile(String text) throws JsonSchemaException {
        if (text.length() > MOST_CHARACTERS) {
            throw new JsonSchemaException(
                    "a schema has up to " + MOST_CHARACTERS + " characters, not " + text.length());
        }
        JsonNode document;
        try {
            document = MAPPER.readTree(text);
        } catch (JacksonException e) {
            throw new JsonSchemaException("the schema cannot be read as JSON: " + e.getOriginalMessage());
        } catch (NumberFormatException e) { // which Jackson lets through for exponents that no BigDecimal has
            throw new JsonSchemaException("the schema cannot be read as JSON: " + e.getMessage());
        }
        if (document.isMissingNode()) {
            throw new JsonSchemaException("the schema cannot be read as JSON: there is no text");
        }
        return new SchemaCompiler(document).compile();
    }

    static Choice compile(JsonNode document) throws JsonSchemaException {
        String text;
        try {
            text = MAPPER.writeValueAsString(document);
        } catch (JacksonException e) {
            throw new JsonSchemaException("the schema cannot be written as JSON: " + e.getOriginalMessage());
        }
        return compile(text);
    }

    private Choice compile() throws JsonSchemaException {
        Part root = part(document, Pointer.ROOT);
        while (!open.isEmpty()) {
            read(open.removeFirst());
        }
        resolve();
        measure();
        for (Part part : ordered) {
            if (part.exclusive && !areExclusive(part.alternatives)) {
                throw problem(
                        part.place,
                        "the keyword 'oneOf' is only supported where the alternatives name different types, different"
                                + " values, or different values of a required property: use 'anyOf'");
            }
        }
        if (!root.choice.fits(0)) {
            throw new JsonSchemaException("no value of up to " + JsonFormat.MOST_DEPTH
                    + " objects and lists within each other satisfies the schema");
        }
        return root.choice;
    }

    private static JsonSchemaException problem(Pointer place, String what) {
        return new JsonSchemaException(place + ": " + what);
    }

    private Part part(JsonNode schema, Pointer place) throws JsonSchemaException {
        Part known = parts.get(schema);
        if (known != null) {
            return known;
        }
        if (parts.size() == MOST_SCHEMAS) {
            throw problem(place, "a schema has up to " + MOST_SCHEMAS + " schemas within it, and here is one more");
        }
        Part part = new Part(schema, place);
        // Jackson shares its true and false; all other nodes stand in one place.
        parts.put(schema, part);
        ordered.add(part);
        open.add(part);
        return part;
    }

    private void read(Part part) throws JsonSchemaException {
        JsonNode schema = part.schema;
        if (schema.isBoolean()) {
            if (!schema.booleanValue()) {
                throw problem(part.place, "the schema false, which nothing satisfies, is not supported here");
            }
            part.shapes.addAll(Anything.VALUE.shapes());
            return;
        }
        if (!schema.isObject()) {
            throw problem(part.place, "a schema is an object, or true, not " + kind(schema));
        }
        Set<String> keywords = keywords(part);
        List<String> choosing = keywords.stream().filter(ALTERNATIVES::contains).toList();
        List<String> writing = keywords.stream().filter(WRITTEN_OUT::contains).toList();
        if (!choosing.isEmpty()) {
            requireNoOther(part, keywords, Set.of(choosing.getFirst()), choosing.getFirst());
            readAlternatives(part, choosing.getFirst());
        } else if (!writing.isEmpty()) {
            requireNoOther(part, keywords, Set.of(writing.getFirst(), "type"), writing.getFirst());
            readWrittenOut(part, writing.getFirst());
        } else {
            readTypes(part, keywords);
        }
    }

    private static String kind(JsonNode node) {
        return node.isNull() ? "null" : node.isArray() ? "a list" : node.isString() ? "a text" : "a number";
    }

    /** The keywords of a schema that mean something. */
    private static Set<String> keywords(Part part) throws JsonSchemaException {
        Set<String> found = new LinkedHashSet<>();
        for (String keyword : part.schema.propertyNames()) {
            boolean heeded = keyword.equals("type")
                    || ALTERNATIVES.contains(keyword)
                    || WRITTEN_OUT.contains(keyword)
                    || TYPE_OF_KEYWORD.containsKey(keyword);
            if (heeded) {
                found.add(keyword);
            } else if (keyword.equals("$id")) {
                if (part.place.parent().isPresent()) {
                    throw problem(part.place, "the keyword '$id' is only supported at the top");
                }
            } else if (!ANNOTATIONS.contains(keyword)) {
                throw problem(part.place, "the keyword '" + Pointer.shortened(keyword) + "' is not supported");
            }
        }
        return found;
    }

    private static void requireNoOther(Part part, Set<String> keywords, Set<String> allowed, String main)
            throws JsonSchemaException {
        for (String keyword : keywords) {
            if (!allowed.contains(keyword)) {
                throw problem(part.place, "the keyword '" + keyword + "' is not supported beside '" + main + "'");
            }
        }
    }

    private void readAlternatives(Part part, String keyword) throws JsonSchemaException {
        JsonNode value = part.schema.get(keyword);
        Pointer place = part.place.child(keyword);
        if (keyword.equals("$ref")) {
            part.alternatives.add(target(value, place));
            return;
        }
        if (!value.isArray() || value.isEmpty()) {
            throw problem(place, "a list of one or more schemas is needed");
        }
        if (keyword.equals("allOf") && value.size() > 1) {
            throw problem(part.place, "the keyword 'allOf' is only supported with one schema");
        }
        for (int i = 0; i < value.size(); i++) {
            part.alternatives.add(part(value.get(i), place.child(i)));
        }
        part.exclusive = keyword.equals("oneOf");
    }

    private Part target(JsonNode reference, Pointer place) throws JsonSchemaException {
        if (!reference.isString() || !reference.stringValue().startsWith("#")) {
            throw problem(place, "only references into the same document, such as #/$defs/name, are supported");
        }
        String fragment = reference.stringValue().substring(1);
        String decoded;
        try {
            decoded = URLDecoder.decode(fragment.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw problem(place, "the reference is not percent-encoded as it must be");
        }
        JsonNode at = document;
        Pointer found = Pointer.ROOT;
        if (!decoded.isEmpty()) {
            if (!decoded.startsWith("/")) {
                throw problem(place, "only references that are JSON pointers, such as #/$defs/name, are supported");
            }
            for (String name : decoded.substring(1).split("/", -1)) {
                String key = name.replace("~1", "/").replace("~0", "~");
                at = at.isArray() && key.matches("\\d{1,9}") ? at.path(Integer.parseInt(key)) : at.path(key);
                found = found.child(key);
            }
        }
        if (at.isMissingNode()) {
            throw problem(place, "there is nothing at " + Pointer.shortened(reference.stringValue()));
        }
        return part(at, found);
    }

    private void readWrittenOut(Part part, String keyword) throws JsonSchemaException {
        JsonNode value = part.schema.get(keyword);
        Pointer place = part.place.child(keyword);
        List<JsonNode> values = new ArrayList<>();
        if (keyword.equals("const")) {
            values.add(value);
        } else if (value.isArray() && !value.isEmpty()) {
            value.forEach(values::add);
        } else {
            throw problem(place, "a list of one or more values is needed");
        }
        Set<Type> types = types(part);
        List<String> texts = new ArrayList<>();
        for (JsonNode each : values) {
            if (each.isNumber()) {
                requireModest(each, place);
            }
            if (types.isEmpty() || types.stream().anyMatch(type -> type.has(each))) {
                texts.add(json(each, place));
            }
        }
        if (texts.isEmpty()) {
            throw problem(place, "no value is of the type that is wanted");
        }
        part.shapes.add(literal(texts, part));
    }

    private LiteralShape literal(Collection<String> texts, Part part) throws JsonSchemaException {
        for (String text : texts) {
            written += text.length();
            if (written > MOST_WRITTEN) {
                throw problem(
                        part.place,
                        "values that are written out, also as alternatives, have up to " + MOST_WRITTEN
                                + " characters, and here are more");
            }
        }
        return LiteralShape.of(List.copyOf(texts));
    }

    /** A value in the one way in which it is written. */
    private static String json(JsonNode value, Pointer place) throws JsonSchemaException {
        String text = MAPPER.writeValueAsString(value);
        try {
            StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
        } catch (CharacterCodingException e) {
            throw problem(place, "half of a surrogate pair is no character");
        }
        return text;
    }

    /** The types that a schema names; empty if it names none. */
    private static Set<Type> types(Part part) throws JsonSchemaException {
        Set<Type> types = EnumSet.noneOf(Type.class);
        if (part.schema.has("type")) {
            JsonNode value = part.schema.get("type");
            Pointer place = part.place.child("type");
            if (value.isArray()) {
                for (JsonNode each : value) {
                    types.add(type(each, place));
                }
            } else {
                types.add(type(value, place));
            }
            if (types.isEmpty()) {
                throw problem(place, "one or more types are needed");
            }
        }
        return types;
    }

    private static Type type(JsonNode value, Pointer place) throws JsonSchemaException {
        Optional<Type> type = value.isString() ? Type.of(value.stringValue()) : Optional.empty();
        return type.orElseThrow(() -> problem(
                place,
                "a type is one of object, array, string, number, integer, boolean and null, not "
                        + Pointer.shortened(value.toString())));
    }

    private void readTypes(Part part, Set<String> keywords) throws JsonSchemaException {
        Set<Type> types = types(part);
        if (types.isEmpty()) {
            keywords.forEach(keyword -> types.add(TYPE_OF_KEYWORD.get(keyword)));
            part.inferred = !types.isEmpty();
        }
        if (types.isEmpty()) {
            part.shapes.addAll(Anything.VALUE.shapes());
            return;
        }
        if (types.contains(Type.NUMBER)) {
            types.remove(Type.INTEGER);
        }
        // Keywords are read whether or not they say something about these types, so that mistakes are told.
        ObjectShape object = object(part);
        ListShape list = list(part);
        objects.add(object);
        lists.add(list);
        StringShape string = string(part);
        Shape number = number(part, types.contains(Type.INTEGER));
        List<String> words = new ArrayList<>();
        for (Type type : types) {
            switch (type) {
                case OBJECT -> part.shapes.add(object);
                case ARRAY -> part.shapes.add(list);
                case STRING -> part.shapes.add(string);
                case NUMBER, INTEGER -> part.shapes.add(number);
                case BOOLEAN -> words.addAll(List.of("true", "false"));
                case NULL -> words.add("null");
            }
        }
        if (!words.isEmpty()) {
            part.shapes.add(LiteralShape.of(words));
        }
    }

    private ObjectShape object(Part part) throws JsonSchemaException {
        JsonNode schema = part.schema;
        Optional<Choice> others = Optional.of(Anything.VALUE);
        if (schema.has("additionalProperties")) {
            JsonNode value = schema.get("additionalProperties");
            others = isFalse(value)
                    ? Optional.empty()
                    : Optional.of(part(value, part.place.child("additionalProperties")).choice);
        }
        Map<String, JsonNode> declared = new LinkedHashMap<>();
        if (schema.has("properties")) {
            JsonNode value = schema.get("properties");
            if (!value.isObject()) {
                throw problem(part.place.child("properties"), "an object of schemas is needed");
            }
            value.properties().forEach(property -> declared.put(property.getKey(), property.getValue()));
        }
        Set<String> required = new LinkedHashSet<>();
        if (schema.has("required")) {
            Pointer place = part.place.child("required");
            if (!schema.get("required").isArray()) {
                throw problem(place, "a list of names is needed");
            }
            for (JsonNode name : schema.get("required")) {
                if (!name.isString()) {
                    throw problem(place, "a list of names is needed");
                }
                required.add(name.stringValue());
            }
        }
        List<ObjectShape.Property> properties = new ArrayList<>();
        Pointer place = part.place.child("properties");
        for (Map.Entry<String, JsonNode> property : declared.entrySet()) {
            String name = property.getKey();
            Choice value = part(property.getValue(), place.child(name)).choice;
            properties.add(new ObjectShape.Property(quoted(name, place), value, required.contains(name)));
        }
        for (String name : required) {
            if (!declared.containsKey(name)) {
                if (others.isEmpty()) {
                    throw problem(
                            part.place.child("required"),
                            "the property '" + Pointer.shortened(name) + "' is required, but must not be there");
                }
                properties.add(new ObjectShape.Property(quoted(name, place), others.get(), true));
            }
        }
        if (!declared.isEmpty() && !schema.has("additionalProperties")) {
            others = Optional.empty();
        }
        return new ObjectShape(properties, others);
    }

    private static String quoted(String name, Pointer place) throws JsonSchemaException {
        return json(MAPPER.getNodeFactory().stringNode(name), place);
    }

    private static boolean isFalse(JsonNode node) {
        return node.isBoolean() && !node.booleanValue();
    }

    private ListShape list(Part part) throws JsonSchemaException {
        JsonNode schema = part.schema;
        int least = count(part, "minItems", 0);
        int most = count(part, "maxItems", Integer.MAX_VALUE);
        List<Choice> first = new ArrayList<>();
        if (schema.has("prefixItems")) {
            JsonNode value = schema.get("prefixItems");
            Pointer place = part.place.child("prefixItems");
            if (!value.isArray() || value.isEmpty()) {
                throw problem(place, "a list of one or more schemas is needed");
            }
            for (int i = 0; i < value.size(); i++) {
                first.add(part(value.get(i), place.child(i)).choice);
            }
        }
        Choice others = Anything.VALUE;
        if (schema.has("items")) {
            if (isFalse(schema.get("items"))) {
                most = Math.min(most, first.size());
            } else {
                others = part(schema.get("items"), part.place.child("items")).choice;
            }
        }
        requireOrder(part, "items", least, most);
        return new ListShape(first, others, least, most);
    }

    private static StringShape string(Part part) throws JsonSchemaException {
        int least = count(part, "minLength", 0);
        int most = count(part, "maxLength", Integer.MAX_VALUE);
        requireOrder(part, "characters", least, most);
        return new StringShape(least, most);
    }

    private static void requireOrder(Part part, String what, int least, int most) throws JsonSchemaException {
        if (least > most) {
            throw problem(part.place, "there cannot be at least " + least + " " + what + " and at most " + most);
        }
    }

    private static int count(Part part, String keyword, int otherwise) throws JsonSchemaException {
        if (!part.schema.has(keyword)) {
            return otherwise;
        }
        JsonNode value = part.schema.get(keyword);
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 0) {
            throw problem(part.place.child(keyword), "a whole number from 0 to " + Integer.MAX_VALUE + " is needed");
        }
        return value.intValue();
    }

    private static Shape number(Part part, boolean integers) throws JsonSchemaException {
        Bound least = Bound.LEAST;
        Bound most = Bound.MOST;
        boolean bounded = false;
        for (String keyword : List.of("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")) {
            if (part.schema.has(keyword)) {
                bounded = true;
                Bound bound = new Bound(bound(part, keyword), keyword.startsWith("exclusive"));
                if (keyword.equals("minimum") || keyword.equals("exclusiveMinimum")) {
                    least = bound.value().compareTo(least.value()) >= 0 ? bound : least;
                } else {
                    most = bound.value().compareTo(most.value()) <= 0 ? bound : most;
                }
            }
        }
        if (!bounded) {
            return integers ? BoundedNumber.INTEGER : FreeNumber.ANY;
        }
        BoundedNumber number = BoundedNumber.between(least, most, integers);
        if (number.isEmpty()) {
            throw problem(part.place, "no number lies between minimum and maximum");
        }
        return number;
    }

    private static BigDecimal bound(Part part, String keyword) throws JsonSchemaException {
        JsonNode value = part.schema.get(keyword);
        Pointer place = part.place.child(keyword);
        if (!value.isNumber()) {
            throw problem(place, "a number is needed");
        }
        requireModest(value, place);
        return value.decimalValue();
    }

    /** Refuses numbers with which calculations would take long. */
    private static void requireModest(JsonNode number, Pointer place) throws JsonSchemaException {
        if (Math.abs((long) number.decimalValue().scale()) > MOST_EXPONENT) {
            throw problem(place, "a number has an exponent up to " + MOST_EXPONENT);
        }
    }

    /** Gives each choice all shapes that its alternatives have, those first of which others are alternatives. */
    private void resolve() throws JsonSchemaException {
        Map<Part, List<Part>> users = new HashMap<>();
        Deque<Part> ready = new ArrayDeque<>();
        for (Part part : ordered) {
            part.unresolved = part.alternatives.size();
            part.alternatives.forEach(other ->
                    users.computeIfAbsent(other, _ -> new ArrayList<>()).add(part));
            if (part.unresolved == 0) {
                ready.add(part);
            }
        }
        int resolved = 0;
        while (!ready.isEmpty()) {
            Part part = ready.removeFirst();
            resolved++;
            if (!part.alternatives.isEmpty()) {
                part.shapes.addAll(merged(part));
                part.inferred = part.alternatives.stream().anyMatch(other -> other.inferred);
            }
            part.choice.set(part.shapes);
            for (Part user : users.getOrDefault(part, List.of())) {
                user.unresolved--;
                if (user.unresolved == 0) {
                    ready.add(user);
                }
            }
        }
        if (resolved < ordered.size()) {
            Part part =
                    ordered.stream().filter(p -> p.unresolved > 0).findFirst().orElseThrow();
            throw problem(part.place, "the schema refers to itself without anything between");
        }
    }

    /** The shapes of the alternatives, each once, and all that is written out as one. */
    private List<Shape> merged(Part part) throws JsonSchemaException {
        Set<Shape> shapes = new LinkedHashSet<>();
        Set<String> texts = new LinkedHashSet<>();
        LiteralShape last = LiteralShape.of(List.of());
        int literals = 0;
        for (Part alternative : part.alternatives) {
            for (Shape shape : alternative.shapes) {
                if (shape instanceof LiteralShape literal) {
                    literals++;
                    last = literal;
                    texts.addAll(literal.texts());
                } else {
                    shapes.add(shape);
                }
            }
        }
        if (literals > 0) {
            shapes.add(literals == 1 ? last : literal(texts, part));
        }
        if (shapes.size() > MOST_ALTERNATIVES) {
            throw problem(
                    part.place, "up to " + MOST_ALTERNATIVES + " alternatives are supported, not " + shapes.size());
        }
        return List.copyOf(shapes);
    }

    /** Finds the heights of recursive shapes: those of a height are found in as many rounds. */
    private void measure() {
        boolean changed = true;
        for (int round = 0; changed && round <= JsonFormat.MOST_DEPTH + 1; round++) {
            changed = false;
            objects.forEach(ObjectShape::measure);
            lists.forEach(ListShape::measure);
            for (Part part : ordered) {
                changed |= part.choice.measure();
            }
        }
    }

    private static boolean areExclusive(List<Part> alternatives) {
        Exclusion exclusion = new Exclusion();
        for (Part alternative : alternatives) {
            if (alternative.inferred || !exclusion.add(alternative.shapes)) {
                return false;
            }
        }
        return true;
    }
}
