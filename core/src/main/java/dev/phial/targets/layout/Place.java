package dev.phial.targets.layout;

/**
 * Where a slot lies.
 *
 * @param file by its name in the output
 * @param offset in bytes
 */
public record Place(String file, long offset) {}
