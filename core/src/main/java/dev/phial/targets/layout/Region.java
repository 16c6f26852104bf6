package dev.phial.targets.layout;

import dev.phial.plan.PlannedTensor;

/** A planned tensor and how it lies in the output. */
public record Region(PlannedTensor tensor, Store store) {}
