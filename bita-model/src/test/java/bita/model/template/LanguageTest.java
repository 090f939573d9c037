package bita.model.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Features one by one; expected texts are those of Jinja2 3.1.6. */
class LanguageTest {
    @ParameterizedTest
    @CsvSource(delimiterString = "=>", quoteCharacter = '`', textBlock = """
            1 + 2 * 3 ** 2 => 19
            7 // 2 ~ '/' ~ -7 // 2 => 3/-4
            -7 % 3 => 2
            7 / 2 => 3.5
            6 / 2 => 3.0
            1e16 => 1e+16
            0.1 + 0.2 => 0.30000000000000004
            0.00001 => 1e-05
            true and none => None
            '' or [] or 'x' => x
            not 0 and 1 < 2 <= 2 => True
            1 == 1.0 == true => True
            [1, (2,), {'a': none}] => [1, (2,), {'a': None}]
            "it's" => it's
            ["it's", 'a"b', '\\n'] => ["it's", 'a"b', '\\n']
            'abcdef'[1:-1:2] => bd
            'abc'[::-1] => cba
            [1, 2, 3][-2:] => [2, 3]
            [1, 2] + [3] => [1, 2, 3]
            'ab' * 2 => abab
            'b' in 'abc' => True
            'x' not in {'a': 1} => True
            {'a': {'b': 5}}.a.b => 5
            {'items': 1}['items'] => 1
            'yes' if 0 else 'no' => no
            'yes' if 0 => ``
            missing => ``
            missing is defined => False
            missing is none => False
            none is none => True
            'a' is string => True
            1 is number => True
            true is boolean => True
            [] is sequence => True
            {} is mapping => True
            'a' is iterable => True
            3 is equalto 3 => True
            4 is divisibleby 2 => True
            2 is in [1, 2] => True
            ' a '.strip() ~ '!' => a!
            'xxaxx'.lstrip('x') => axx
            'a,b,c'.split(',', 1) => ['a', 'b,c']
            ' a  b '.split() => ['a', 'b']
            'a-b-c'.rsplit('-', 1) => ['a-b', 'c']
            'abc'.startswith(('x','a')) => True
            'aaa'.replace('a', 'b', 2) => bba
            'hello world'.title() => Hello World
            '{} {0} {x}'.format(1, x=2) => 1 1 2
            '%s-%03d-%.2f' % ('a', 7, 1.5) => a-007-1.50
            '%s %s'|format('a', 1) => a 1
            {'a': 1}.get('b', 2) => 2
            {'b': 1, 'a': 2}|dictsort => [('a', 2), ('b', 1)]
            [3, 1, 2]|sort(reverse=true) => [3, 2, 1]
            ['b', 'A']|sort => ['A', 'b']
            ['a', 'A', 'b']|unique|list => ['a', 'b']
            [{'n': 1}, {}]|map(attribute='n', default=0)|list => [1, 0]
            ['a']|map('upper')|join => A
            [{'a': 1}, {'a': 2}]|selectattr('a', 'equalto', 2)|list => [{'a': 2}]
            [{'a': 1}, {}]|rejectattr('a')|list => [{}]
            [0, 1]|reject|list => [0]
            [3, 1]|min ~ [3, 1]|max => 13
            'a'|default('b') ~ missing|default('b') ~ ''|default('c', true) => abc
            '3.7'|int + 1 => 4
            'x'|int(5) => 5
            2.5|round => 2.0
            -3|abs => 3
            'aé😀'|length => 3
            {'a': 1, 'b': ['é', none, true, 1.0]}|tojson => {"a": 1, "b": ["é", null, true, 1.0]}
            'é'|tojson(ensure_ascii=true) => "\\u00e9"
            '<a>'|tojson => "<a>"
            '{"a": [1, null]}'|from_json => {'a': [1, None]}
            ('<'|safe) + '<' => <&lt;
            [1, 2]|sum => 3
            range(5, 0, -2)|list => [5, 3, 1]
            dict(a=1) => {'a': 1}
            strftime_now('%d %B %Y %H:%M:%S %-d %j') => 23 November 2026 12:05:09 23 327
            'a' 'b' => ab
            (1, 2) => (1, 2)
            1, 2 => (1, 2)
            'a\\x41\\u00e9\\t'|trim => aAé
            """)
    void evaluatesExpressions(String expression, String expected) throws TemplateException {
        assertThat(Render.print(expression)).isEqualTo(expected);
    }

    @Test
    void loopsKnowWhereTheyAre() throws TemplateException {
        assertThat(
                        Render.render(
                                "{% for x in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.first }}"
                                        + "{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}"))
                .isEqualTo("103TrueFalse3b;212FalseFalse3ac;321FalseTrue3b;");
    }

    @Test
    void loopsFilterUnpackBreakAndHaveAnElse() throws TemplateException {
        assertThat(Render.render("{% for k, v in {'a': 1, 'b': 2}.items() if v > 1 %}{{ k }}{{ loop.length }}"
                        + "{% else %}none{% endfor %}"))
                .isEqualTo("b1");
        assertThat(Render.render("{% for x in [] %}{% else %}none{% endfor %}")).isEqualTo("none");
        assertThat(Render.render("{% for x in range(9) %}{% if x == 1 %}{% continue %}{% elif x == 4 %}{% break %}"
                        + "{% endif %}{{ x }}{% endfor %}"))
                .isEqualTo("023");
    }

    @Test
    void variablesSetInALoopEndWithTheIterationAndNamespacesRemain() throws TemplateException {
        assertThat(Render.render("{% set x = 0 %}{% set ns = namespace(x=0) %}{% for i in range(3) %}"
                        + "{% set x = x + 1 %}{% set ns.x = ns.x + 1 %}{{ x }}{% endfor %}{{ x }}{{ ns.x }}"))
                .isEqualTo("11103");
    }

    @Test
    void conditionsHaveNoScopeOfTheirOwn() throws TemplateException {
        assertThat(Render.render("{% if true %}{% set x = 1 %}{% endif %}{{ x }}"))
                .isEqualTo("1");
    }

    @Test
    void macrosTakeDefaultsNamedArgumentsAndBodies() throws TemplateException {
        String macro = "{% macro m(a, b='B', c=a) %}{{ a }}{{ b }}{{ c }}{{ caller('!') if caller }}{% endmacro %}";
        assertThat(Render.render(macro + "{{ m(1) }} {{ m(1, c=2) }} {{ m(b=3) }}"))
                .isEqualTo("1B1 1B2 3");
        assertThat(Render.render(macro + "{% call(x) m(1) %}body{{ x }}{% endcall %}"))
                .isEqualTo("1B1body!");
        assertThatThrownBy(() -> Render.render(macro + "{{ m(1, 2, 3, 4) }}"))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("takes only");
    }

    @Test
    void blocksAreCapturedAndFiltered() throws TemplateException {
        assertThat(Render.render(
                        "{% set x | upper %}a{{ 1 }}{% endset %}{{ x }}{% filter trim | upper %} b {% endfilter %}"))
                .isEqualTo("A1B");
        assertThat(
                        Render.render(
                                "{% generation %}a{% endgeneration %}{% with x = 1, y = 2 %}{{ x }}{{ y }}{% endwith %}{{ x }}"))
                .isEqualTo("a12");
    }

    @Test
    void whiteSpaceAroundTagsIsTrimmedAsTransformersConfiguresIt() throws TemplateException {
        assertThat(Render.render("a\n  {% if true %}\n  b\n  {% endif %}\nc\n")).isEqualTo("a\n  b\nc");
        assertThat(Render.render("a \n {%- if true -%} \n b {%+ endif +%}\n c")).isEqualTo("ab \n c");
        assertThat(Render.render("a\n  {# note #}\nb {{- 1 -}} \n c")).isEqualTo("a\nb1c");
        assertThat(Render.render("a {% raw %}{{ x }}{% endraw %} b")).isEqualTo("a {{ x }} b");
        assertThat(Render.render("x\r\ny\n\n")).isEqualTo("x\ny\n");
    }

    @Test
    void jsonIsIndented() throws TemplateException {
        assertThat(Render.print("{'a': [1, {}], 'b': []}|tojson(indent=2)"))
                .isEqualTo("{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
        assertThat(Render.print("{'b': 1, 'a': 2}|tojson(separators=(',', ':'), sort_keys=true)"))
                .isEqualTo("{\"a\":2,\"b\":1}");
        assertThat(Render.print("'a\\n\\nb'|indent(2, true)")).isEqualTo("  a\n\n  b");
    }

    @Test
    void variablesAreJavaValues() throws TemplateException {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("z", null);
        map.put("a", Arrays.asList(1, 2L, 0.5, true, "t", null));
        assertThat(Render.render("{{ map }}", Map.of("map", map)))
                .isEqualTo("{'z': None, 'a': [1, 2, 0.5, True, 't', None]}");
        assertThatThrownBy(() -> Render.render("", Map.of("x", new Object())))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("Object");
    }

    @Test
    void textInVariablesIsNeverTemplateCode() throws TemplateException {
        String text = "{{ 1 + 1 }}{% raise_exception('x') %}{# c #}";
        assertThat(Render.render("{{ t }}{{ [t]|join }}{% set b %}{{ t }}{% endset %}{{ b }}", Map.of("t", text)))
                .isEqualTo(text.repeat(3));
    }

    @ParameterizedTest
    @CsvSource(delimiterString = "=>", quoteCharacter = '`', textBlock = """
            a\\n{{ raise_exception('no') }} => Template line 2: The template refuses its input: no
            {{ missing.x }} => Template line 1: 'missing' is undefined
            {{ missing + 1 }} => Template line 1: 'missing' is undefined
            {{ [].append(1) }} => Template line 1: 'append' would change a list, which templates may not
            {{ 'a' + 1 }} => Template line 1: '+' does not work with str and int
            {% for x in none %}{% endfor %} => Template line 1: A NoneType cannot be iterated
            {{ x|nosuch }} => Template line 1: Unknown filter 'nosuch'
            {{ x is nosuch }} => Template line 1: Unknown test 'nosuch'
            {% nosuch %} => Template line 1: Unknown tag 'nosuch'
            \\n{% if x %} => Template line 2: The block is not closed
            {{ 1 => Template line 1: The tag is not closed with '}}'
            {{ 1 / 0 }} => Template line 1: Division by zero
            {{ 9223372036854775807 + 1 }} => Template line 1: '+' gives a whole number of more than 64 bits
            {% break %} => Template line 1: 'break' stands outside a loop
            {{ [1]|map('upper')|tojson }} => Template line 1: A generator cannot be written as JSON
            """)
    void mistakesAreNamedWithTheirLine(String template, String message) {
        assertThatThrownBy(() -> Render.render(template.replace("\\n", "\n")))
                .isInstanceOf(TemplateException.class)
                .hasMessage(message);
    }

    @Test
    void oneTemplateServesManyThreads() throws Exception {
        ChatTemplate template = ChatTemplate.parse(
                "{% set ns = namespace(s='') %}{% for i in range(n) %}{% set ns.s = ns.s ~ i %}{% endfor %}{{ ns.s|length }}");
        List<Integer> sizes = java.util.stream.IntStream.range(0, 200).boxed().toList();
        List<String> rendered = sizes.parallelStream()
                .map(n -> {
                    try {
                        return template.render(Map.of("n", n), Render.CLOCK);
                    } catch (TemplateException e) {
                        throw new AssertionError(e);
                    }
                })
                .toList();
        assertThat(rendered.get(199)).isEqualTo("487");
        assertThat(rendered.get(10)).isEqualTo("10");
    }
}
