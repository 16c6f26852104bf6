package dev.phial.engine.advise;

/**
 * The file to make.
 *
 * @param reason why this one, in a sentence
 */
public record Recommendation(Candidate candidate, String reason) {}
