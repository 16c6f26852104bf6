package dev.phial.targets.openvino;

import dev.phial.model.Weight;

/**
 * A part of the data file and the rows of a parameter it comes from; elements of one of rank 1 are
 * rows here.
 */
record Stored(Weight weight, long first, long rows, Storage storage) {}
