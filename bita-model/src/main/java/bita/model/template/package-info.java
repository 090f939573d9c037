/** Stub. */
package bita.model.template;
