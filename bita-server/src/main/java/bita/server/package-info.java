/**
 * A model served over HTTP in the OpenAI protocol: requests, responses, streams, metrics, and the page.
 */
@NullMarked
package bita.server;

import org.jspecify.annotations.NullMarked;
