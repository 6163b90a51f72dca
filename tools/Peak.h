// How fast this machine multiplies and adds, and reads and writes memory, at best: the yardstick for kernels.
#pragma once

namespace fovea {

/// Single-precision GFLOP/s (a fused multiply-add counts two) of `threads` threads; the best of several rounds.
double peakGflops(unsigned threads);

/// GB/s of a triad a = b + factor * c over arrays far larger than caches; the best of several rounds.
double peakGigabytes(unsigned threads);

} // namespace fovea
