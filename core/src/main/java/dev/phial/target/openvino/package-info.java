/** What OpenVINO GenAI loads. */
@NullMarked
package dev.phial.target.openvino;

import org.jspecify.annotations.NullMarked;
