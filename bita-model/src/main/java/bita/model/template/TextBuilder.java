package bita.model.template;

/** Builds a text within the budget. */
final class TextBuilder {
    private final Budget budget;
    private final StringBuilder builder = new StringBuilder();

    TextBuilder(Budget budget) {
        this.budget = budget;
    }

    TextBuilder append(String text) throws TemplateException {
        budget.scan(text.length());
        budget.text(text.length());
        if (builder.length() + text.length() > Budget.MAX_TEXT) {
            throw new TemplateException("The template makes a text of more than " + Budget.MAX_TEXT + " characters");
        }
        builder.append(text);
        return this;
    }

    @Override
    public String toString() {
        return builder.toString();
    }
}
