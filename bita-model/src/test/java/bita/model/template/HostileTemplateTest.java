package bita.model.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Templates that try to exhaust or to escape: all are refused, soon and with the one exception there is. */
class HostileTemplateTest {
    private static final Duration SOON = Duration.ofSeconds(20);

    static Stream<String> exhausting() {
        String doubling = "{% set ns = namespace(s='xy') %}{% for i in range(60) %}{% set ns.s = ";
        return Stream.of(
                doubling + "ns.s + ns.s %}{% endfor %}",
                doubling + "ns.s ~ ns.s %}{% endfor %}",
                doubling + "ns.s * 1000 %}{% endfor %}",
                doubling + "ns.s.replace('', ns.s) %}{% endfor %}",
                doubling + "[ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
                doubling + "[ns.s, ns.s] %}{% endfor %}{{ ns.s|tojson }}",
                doubling
                        + "[ns.s, ns.s] %}{% endfor %}{{ ns.s == [ns.s[0], [ns.s[1][0], ns.s[1][1] + []]] }}{{ ns.s }}",
                "{% set ns = namespace() %}{% set ns.self = [ns] %}{{ ns }}",
                "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
                "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}"
                        + "{{ ns.x|tojson(indent=2) }}",
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{% macro m(x=m()) %}{% endmacro %}{{ m() }}",
                "{% macro m() %}{% call m() %}{% endcall %}{% endmacro %}{{ m() }}",
                "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                "{{ range(9223372036854775807) }}",
                "{{ range(-9223372036854775807, 9223372036854775807, 9223372036854775806)|list ~ range(99999999)|list }}",
                "{% for a in range(99999999) %}{{ a }}{% endfor %}",
                "{{ 'x' * 99999999999 }}",
                "{{ [0] * 99999999999 }}",
                "{{ '%1000000s' % 1 }}",
                "{{ '%999999999999s' % 1 }}",
                "{{ 'a'|indent(999999999999, true) }}",
                "{{ [1]|tojson(indent=99999999) }}",
                "{% set s = 'a' * 8000000 %}{{ (s + 'b') in (s + s) }}",
                "{% set s = 'a' * 8000000 %}{{ (s + s).split(s + 'b') }}",
                "{% set s = 'a' * 16000000 %}{% for i in range(1000000) %}{% set x = s.upper() %}{% endfor %}",
                "{% set s = 'a' * 16000000 %}{% for i in range(9000000) %}{% set x = s|length %}{% endfor %}",
                "{{ " + "(".repeat(100_000) + ")".repeat(100_000) + " }}",
                "{{ " + "[".repeat(100_000) + "]".repeat(100_000) + " }}",
                "{{ " + "-".repeat(100_000) + "1 }}",
                "{{ " + "not ".repeat(100_000) + "1 }}",
                "{{ 1" + " + 1".repeat(100_000) + " }}",
                "{{ x" + ".x".repeat(100_000) + " }}",
                "{{ 1" + "|abs".repeat(100_000) + " }}",
                "{{ 1" + " if 1 else 1".repeat(100_000) + " }}",
                "{{ 1" + " if 1".repeat(100_000) + " }}",
                "{{ 1 is in 1" + " is in 1".repeat(100_000) + " }}",
                "{% if 1 %}".repeat(100_000),
                "{% for x in [1] %}".repeat(500) + "{% endfor %}".repeat(500),
                "{% set " + "(".repeat(100_000) + " %}",
                "{{ '" + "[".repeat(100_000) + "'|from_json }}",
                " ".repeat(Lexer.MAX_SOURCE + 1));
    }

    @ParameterizedTest
    @MethodSource("exhausting")
    void exhaustionIsRefused(String template) {
        Assertions.assertTimeoutPreemptively(
                SOON, () -> assertThatThrownBy(() -> Render.render(template)).isInstanceOf(TemplateException.class));
    }

    static Stream<String> escaping() {
        return Stream.of(
                "''.__class__",
                "''.getClass()",
                "''['class']",
                "[].__class__.__mro__",
                "{}.__init__",
                "range.__globals__",
                "namespace().getClass()",
                "loop.items",
                "strftime_now.clock",
                "messages.getClass().forName('x')",
                "'{0.__class__}'.format(1)",
                "'{0[a]}'.format({'a': 1})",
                "''|attr('__class__')|attr('x')",
                "cycler.__init__",
                "self.x",
                "include('x')");
    }

    @ParameterizedTest
    @MethodSource("escaping")
    void nothingOutsideIsReached(String expression) {
        Map<String, Object> variables = Map.of("messages", List.of("a"));
        assertThatThrownBy(() -> Render.render("{{ (" + expression + ").x }}", variables))
                .isInstanceOf(TemplateException.class);
    }

    @Test
    void aSmallStackIsNoDanger() throws InterruptedException {
        String deep =
                "{{ " + "(".repeat(190) + "1" + ")".repeat(190) + " }}{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}";
        Throwable[] thrown = new Throwable[1];
        Thread thread = new Thread(
                null,
                () -> {
                    try {
                        Render.render(deep);
                    } catch (TemplateException e) {
                        thrown[0] = e;
                    }
                },
                "small stack",
                256 << 10);
        thread.start();
        thread.join();

        assertThat(thrown[0]).isInstanceOf(TemplateException.class);
    }

    /** Everything but {@link TemplateException} escapes from here and fails the test. */
    @Test
    void damagedTemplatesAreRenderedOrRefused() throws IOException {
        List<String> sound = List.of(
                DefaultModelTemplateTest.resource("smollm2.jinja"),
                DefaultModelTemplateTest.resource("features.jinja"));
        Map<String, Object> variables = Map.of(
                "messages",
                List.of(
                        Map.of("role", "user", "content", "Hi"),
                        Map.of("role", "assistant", "content", List.of(1, 2.5))),
                "add_generation_prompt",
                true,
                "number",
                Long.MIN_VALUE);
        Random random = new Random(20240122);
        int[] outcomes = new int[2];
        Assertions.assertTimeoutPreemptively(Duration.ofMinutes(2), () -> {
            for (int i = 0; i < 6000; i++) {
                String mutated = mutate(sound.get(i % sound.size()), sound, random);
                try {
                    Render.render(mutated, variables);
                    outcomes[0]++;
                } catch (TemplateException e) {
                    assertThat(e.getMessage()).isNotBlank();
                    outcomes[1]++;
                } catch (RuntimeException | Error e) {
                    throw new AssertionError("Mutation " + i + ":\n" + mutated, e);
                }
            }
        });
        assertThat(outcomes[0]).as("rendered").isGreaterThan(150);
        assertThat(outcomes[1]).as("refused").isGreaterThan(150);
    }

    private static String mutate(String template, List<String> donors, Random random) {
        String alphabet = "{}%#-+()[]|.,:'\"~=<>*/ \n01aé😀\\_";
        StringBuilder result = new StringBuilder(template);
        for (int n = random.nextInt(1, 4); n > 0; n--) {
            int at = random.nextInt(result.length());
            int end = Math.min(result.length(), at + random.nextInt(1, 12));
            String donor = donors.get(random.nextInt(donors.size()));
            int from = random.nextInt(donor.length());
            switch (random.nextInt(4)) {
                case 0 -> result.setCharAt(at, alphabet.charAt(random.nextInt(alphabet.length())));
                case 1 -> result.delete(at, end);
                case 2 -> result.insert(at, result.substring(at, end));
                default ->
                    result.replace(
                            at, end, donor.substring(from, Math.min(donor.length(), from + random.nextInt(1, 24))));
            }
        }
        return result.toString();
    }
}
