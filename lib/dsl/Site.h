// Lines of the author's code. A mistake in a model is an Error whose what() reads `model.cpp:41: error: ...`, followed
// by notes where the library's own blocks were involved: the first line is always the author's.
#pragma once

#include <fovea/Error.h>

namespace fovea {

/// A line of source. As a default argument, `Site::here()` is the line of the call.
struct Site {
  const char *file;
  int line;
  static Site here(const char *file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
};

} // namespace fovea
