// A build step: writes Halide's own runtime as one object, which models with checks link.
#include <Halide.h>

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: halide-runtime OUTPUT.o\n");
    return 1;
  }
  Halide::compile_standalone_runtime(argv[1], Halide::Target("x86-64-linux-user_context"));
}
