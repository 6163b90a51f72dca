// NAME.h: a model's interface as C declarations, with its documentation.
#pragma once

#include "lib/emit/Interface.h"

namespace fovea {

/// The text of the header, for C99 and C++.
std::string headerText(const Interface &interface);

} // namespace fovea
