// What the providers of kernels compute gelu by.
#pragma once

#include <initializer_list>

namespace fovea {

/// With the normal distribution's Phi, Phi(-|x|) is the fourth power of a polynomial of |x|, highest power first, until
/// that is 0, and 0 from there: 5e-8 at most off. Beyond `geluEnd` the polynomial is not to be used.
constexpr double geluEnd = 5.6201;
constexpr std::initializer_list<double> geluRoot = {-3.43750152e-6, 5.89301086e-5, -3.1023197e-4,
                                                    -2.74473071e-5, 3.78398605e-3, 4.6591316e-3,
                                                    -5.0201571e-2,  -0.167733379,  0.840896403};

} // namespace fovea
