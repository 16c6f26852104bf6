package dev.phial.engine.advise;

/**
 * A number of the table.
 *
 * @param source where it was read and when, or how it was arrived at
 */
public record Figure(double value, String source) {}
