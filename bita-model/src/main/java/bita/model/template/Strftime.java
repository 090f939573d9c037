package bita.model.template;

import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Dates as C's {@code strftime} writes them in its default locale. */
final class Strftime {
    private Strftime() {}

    static String format(String format, ZonedDateTime time) throws TemplateException {
        StringBuilder result = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%') {
                result.append(c);
                continue;
            }
            boolean unpadded = format.startsWith("-", i + 1);
            i += unpadded ? 2 : 1;
            String field = field(i < format.length() ? format.charAt(i) : ' ', time);
            result.append(
                    unpadded && field.length() > 1 && field.startsWith("0")
                            ? field.replaceFirst("^0+(?=.)", "")
                            : field);
        }
        return result.toString();
    }

    private static String field(char field, ZonedDateTime time) throws TemplateException {
        if (field == '%') {
            return "%";
        }
        if (field == 'e') {
            return String.format(Locale.ROOT, "%2d", time.getDayOfMonth());
        }
        String pattern = switch (field) {
            case 'Y' -> "uuuu";
            case 'y' -> "uu";
            case 'm' -> "MM";
            case 'd' -> "dd";
            case 'B' -> "MMMM";
            case 'b', 'h' -> "MMM";
            case 'A' -> "EEEE";
            case 'a' -> "EEE";
            case 'H' -> "HH";
            case 'I' -> "hh";
            case 'M' -> "mm";
            case 'S' -> "ss";
            case 'f' -> "SSSSSS";
            case 'p' -> "a";
            case 'j' -> "DDD";
            case 'Z' -> "zzz";
            case 'z' -> "xx";
            case 'F' -> "uuuu-MM-dd";
            case 'T' -> "HH:mm:ss";
            case 'D' -> "MM/dd/uu";
            case 'R' -> "HH:mm";
            default -> throw new TemplateException("The date field '%" + field + "' is not supported by strftime_now");
        };
        return DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(time);
    }
}
