// The main program of a model file: writes one of the models that the file's define() gives.
#include <fovea/Model.h>

#include <cstdio>
#include <iostream>

static const char *usage = R"(usage: %s [--model NAME] [--output FILE] [--list]
  --model NAME   the model to write; may be left out if the file defines one
  --output FILE  where to, by default standard output
  --list         only print the models' names
)";

static int fail(const std::string &message) {
  std::cerr << message << "\n";
  return 1;
}

static int run(int argc, char **argv) {
  std::string name, output = "-";
  bool list = false;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument == "--list")
      list = true;
    else if (argument == "--model" && i + 1 < argc)
      name = argv[++i];
    else if (argument == "--output" && i + 1 < argc)
      output = argv[++i];
    else
      return std::fprintf(argument == "--help" ? stdout : stderr, usage, argv[0]), argument == "--help" ? 0 : 1;
  }

  std::vector<fovea::Model> models = define();
  std::string names;
  for (const fovea::Model &model : models) names += (names.empty() ? "" : ", ") + model.name();
  if (list) {
    for (const fovea::Model &model : models) std::cout << model.name() << "\n";
    return 0;
  }
  if (name.empty() && models.size() != 1)
    return fail("error: this file defines " + std::to_string(models.size()) + " models (" + names +
                "): choose one with --model NAME");
  for (const fovea::Model &model : models)
    if (name.empty() || model.name() == name) return model.write(output), 0;
  return fail("error: there is no model '" + name + "' here: it must be one of " + names);
}

int main(int argc, char **argv) {
  try {
    return run(argc, argv);
  } catch (const fovea::Error &error) {
    return fail(error.what());
  }
}
