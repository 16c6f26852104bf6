package dev.phial.quant;

/** Whole numbers of blocks side by side, counted from the least one. */
interface Levels {
  int level(int block, int i);
}
