// How fast this machine multiplies and adds at best: the yardstick for kernels.
#pragma once

namespace fovea {

/// Single-precision GFLOP/s (a fused multiply-add counts two) of `threads` threads; the best of several rounds.
double peakGflops(unsigned threads);

} // namespace fovea
