// Lesson 1, the model: a line through points.
//
// This file is not part of your program. CMake (fovea_add_model, see CMakeLists.txt) builds and runs it once; what
// define() returns is compiled into the library line.a with the header line.h, and only these two are used afterwards.
#include <fovea/fovea.h>

using namespace fovea;

std::vector<Model> define() {
  Model line("line"); // its name begins every name in line.h: line_create, line_forward, ...

  // A size that is only known when the compiled code is called: here, how many points there are.
  Dim points = line.symbol("points");
  Tensor x = line.input("x", {points});
  Tensor y = line.input("y", {points});

  // What is learned, with how it starts. Vectors of one number broadcast over all points.
  Tensor slope = line.parameter("slope", {1}, normal(1));
  Tensor offset = line.parameter("offset", {1}, zeros());
  Tensor height = slope * x + offset;
  line.output("height", height); // makes line_forward

  // The loss is one number. Its gradients are derived here, when compiling; nothing is taped at run time.
  Tensor error = height - y;
  line.train(mean(error * error), SGD{.momentum = 0.9}); // makes line_gradients, line_update, line_train_step
  return {line};
}
