/** LangChain4j's chat models, in this process. */
@NullMarked
package bita.langchain4j;

import org.jspecify.annotations.NullMarked;
