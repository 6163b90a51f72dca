// What create says of the perceptron in a process of its own, where no other test has loaded a driver.
#pragma once

#include "perceptron.h"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

/// For a death test: writes the message to stderr, after the driver or loader of this path is loaded, if there is one.
[[noreturn]] inline void createOn(const char *target, const char *driver) {
  if (driver && !dlopen(driver, RTLD_NOW | RTLD_LOCAL)) fprintf(stderr, "%s\n", dlerror());
  perceptron_options options = PERCEPTRON_OPTIONS_DEFAULT;
  options.sizes.batch = 1;
  options.target = target;
  perceptron *model = perceptron_create(&options);
  fprintf(stderr, "%s\n", model ? "a model" : perceptron_last_error(nullptr));
  exit(0);
}
