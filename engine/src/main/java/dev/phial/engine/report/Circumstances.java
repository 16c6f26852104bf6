package dev.phial.engine.report;

/**
 * What was done, for who reads a page later.
 *
 * @param date of the day
 * @param machine the processor, and what ran on it
 */
public record Circumstances(String date, String command, String version, String machine) {}
