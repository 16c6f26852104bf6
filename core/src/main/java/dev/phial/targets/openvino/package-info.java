/** What OpenVINO GenAI loads. */
@NullMarked
package dev.phial.targets.openvino;

import org.jspecify.annotations.NullMarked;
