/** An interpreter of the part of Jinja2 that chat templates use, bounded so that a hostile template does no harm. */
@NullMarked
package bita.model.template;

import org.jspecify.annotations.NullMarked;
