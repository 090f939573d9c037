package bita.model.template;

import java.util.List;
import java.util.Optional;

/** What a template does; each with the line (from 1) where it starts. */
sealed interface Statement {
    int line();

    record Text(String text, int line) implements Statement {}

    record Output(Expression value, int line) implements Statement {}

    record If(List<Branch> branches, List<Statement> otherwise, int line) implements Statement {}

    record For(
            Target target,
            Expression iterable,
            Optional<Expression> condition,
            List<Statement> body,
            List<Statement> otherwise,
            int line)
            implements Statement {}

    record Set(Target target, Expression value, int line) implements Statement {}

    record SetBlock(Target target, List<Expression.FilterCall> filters, List<Statement> body, int line)
            implements Statement {}

    record Macro(String name, Signature signature, int line) implements Statement {}

    /** A call whose macro may call the body as {@code caller}. */
    record CallBlock(Expression.Call call, Signature caller, int line) implements Statement {}

    record FilterBlock(List<Expression.FilterCall> filters, List<Statement> body, int line) implements Statement {}

    /** A body with variables of its own: {@code with}, and {@code generation}, which has none. */
    record With(List<Set> assignments, List<Statement> body, int line) implements Statement {}

    record Break(int line) implements Statement {}

    record Continue(int line) implements Statement {}

    /** One condition of an {@link If}. */
    record Branch(Expression condition, List<Statement> body) {}

    /** The parameters and the body of a macro. */
    record Signature(List<Parameter> parameters, List<Statement> body) {}

    /** A macro's parameter. */
    record Parameter(String name, Optional<Expression> fallback) {}

    /** Where a value is stored. */
    sealed interface Target {
        record Variable(String name) implements Target {}

        record Member(String namespace, String name) implements Target {}

        record Tuple(List<Target> targets) implements Target {}
    }
}
