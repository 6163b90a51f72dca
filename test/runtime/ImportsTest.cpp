// The object that foveac embeds must link into a C program with libc, libm and pthread, and stay small.
#include <cstdio>
#include <filesystem>
#include <gtest/gtest.h>
#include <set>
#include <string>

namespace {

std::set<std::string> symbols(const std::string &options) {
  std::set<std::string> names;
  FILE *output = popen((std::string(FOVEA_NM) + " " + options + " " + FOVEA_RUNTIME_OBJECT).c_str(), "r");
  char name[256];
  while (fscanf(output, "%255s%*[^\n]", name) == 1) names.insert(name);
  EXPECT_EQ(pclose(output), 0);
  return names;
}

TEST(RuntimeObject, ImportsTheSystemsLibrariesAlone) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers add imports";
#endif
  const std::set<std::string> expected = {"_GLOBAL_OFFSET_TABLE_",
                                          "__errno_location",
                                          "__tls_get_addr",
                                          "aligned_alloc",
                                          "bsearch",
                                          "calloc",
                                          "clock_gettime",
                                          "close",
                                          "cos",
                                          "free",
                                          "fstat",
                                          "fsync",
                                          "log",
                                          "malloc",
                                          "memchr",
                                          "memcmp",
                                          "memcpy",
                                          "memset",
                                          "open",
                                          "pread",
                                          "pthread_cond_destroy",
                                          "pthread_cond_init",
                                          "pthread_cond_signal",
                                          "pthread_cond_wait",
                                          "pthread_create",
                                          "pthread_join",
                                          "pthread_mutex_destroy",
                                          "pthread_mutex_init",
                                          "pthread_mutex_lock",
                                          "pthread_mutex_unlock",
                                          "pthread_sigmask",
                                          "qsort",
                                          "realloc",
                                          "rename",
                                          "sched_yield",
                                          "sigfillset",
                                          "snprintf",
                                          "sqrt",
                                          "strchr",
                                          "strcmp",
                                          "strcpy",
                                          "strcspn",
                                          "strdup",
                                          "strlen",
                                          "strncat",
                                          "strrchr",
                                          "unlink",
                                          "vsnprintf",
                                          "write"};
  for (const std::string &name : symbols("-u --format=posix")) EXPECT_TRUE(expected.count(name)) << name;
}

TEST(RuntimeObject, HasTheHooksThatKernelsCall) {
  auto defined = symbols("-g --defined-only --format=posix");
  for (const char *name : {"halide_malloc", "halide_free", "halide_do_par_for", "halide_error", "fovea_create"})
    EXPECT_TRUE(defined.count(name)) << name;
}

} // namespace
