package dev.phial.choose;

/** The ways in which codes are chosen. */
public enum Method {
  /** As the runtime's own converter chooses them, to the byte. */
  REFERENCE,
  /** Not at all: codes, scales and zero points of the source come along as they are. */
  KEEP,
  /** For the least weighted squared error of the numbers, among many scales. */
  SEARCH
}
