// A full disk, as far as a process can make itself one.
#ifndef FOVEA_TEST_TRAINING_FULLDISK_H
#define FOVEA_TEST_TRAINING_FULLDISK_H

#include <csignal>
#include <sys/resource.h>

namespace fovea {

/// While one lives, no file grows beyond so many bytes.
class FullDisk {
public:
  explicit FullDisk(rlim_t bytes) : handler(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{bytes, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
  }
  FullDisk(const FullDisk &) = delete;
  FullDisk &operator=(const FullDisk &) = delete;

private:
  void (*handler)(int);
  rlimit before;
};

} // namespace fovea

#endif
