// How the references refuse misuse.
#ifndef FOVEA_TEST_REQUIRE_H
#define FOVEA_TEST_REQUIRE_H

#include <stdexcept>

namespace fovea::reference {

inline void require(bool condition, const char *message) {
  if (!condition) throw std::invalid_argument(message);
}

} // namespace fovea::reference

#endif
