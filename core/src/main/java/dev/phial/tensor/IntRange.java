package dev.phial.tensor;

/** Integers from {@code least} to {@code most}. */
public record IntRange(int least, int most) {}
