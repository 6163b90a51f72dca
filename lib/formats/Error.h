// The one exception that Fovea's libraries throw for a user's mistake or a bad file. Its message names the file or
// the argument, states both facts that do not fit, and says the way out.
#ifndef FOVEA_FORMATS_ERROR_H
#define FOVEA_FORMATS_ERROR_H

#include <stdexcept>

namespace fovea {

class Error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

} // namespace fovea

#endif
