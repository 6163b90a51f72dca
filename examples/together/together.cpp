// All systems in one program: seven libraries that Fovea made, each with its own names, memory and threads. Each model
// runs alone; then all run at the same time, and must give the same numbers.
//
//   together                       with weights as they are drawn
//   together FOLDER                with FOLDER/NAME.safetensors, such as trainings leave, for those that are there
#include "classifier.h"
#include "detector.h"
#include "image_index.h"
#include "image_search.h"
#include "multi_task.h"
#include "resnet.h"
#include "white_patch.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using Numbers = std::vector<float>;

double millisecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

/// Numbers that look like normalised pixels.
Numbers inputOf(size_t count, uint32_t seed) {
  Numbers numbers(count);
  for (float &number : numbers) {
    seed = seed * 1664525 + 1013904223;
    number = float(seed >> 8) / float(1 << 23) - 1;
  }
  return numbers;
}

/// What every library has, under names that begin with the model's.
template <typename Model> struct Library {
  const char *name;
  Model *(*create)();
  void (*destroy)(Model *);
  const char *(*error)(const Model *);
  int32_t (*load)(Model *, const char *);
};
#define LIBRARY(name, NAME)                                                                                            \
  Library<name> {                                                                                                      \
#name,                                                                                                             \
        [] {                                                                                                           \
          name##_options options = NAME##_OPTIONS_DEFAULT;                                                             \
          options.sizes.batch = 1;                                                                                     \
          return name##_create(&options);                                                                              \
        },                                                                                                             \
        name##_destroy, name##_last_error, name##_load   \
  }

template <typename Model> void check(const Library<Model> &library, const Model *model, bool fine) {
  if (fine) return;
  std::fprintf(stderr, "together: %s\n", library.error(model));
  std::exit(1);
}

/// One model at batch 1: its outputs, and the call that writes them.
struct System {
  std::string name;
  double started; // milliseconds until it was made and had its weights
  std::shared_ptr<std::vector<Numbers>> outputs;
  std::function<void()> run;
};

/// `forward` takes the model and its outputs, of these sizes, and gives 0 or a code.
template <typename Model, typename Forward>
System systemOf(const Library<Model> &library, const std::string &folder, const std::vector<size_t> &sizes,
                Forward forward) {
  const auto begin = std::chrono::steady_clock::now();
  const std::shared_ptr<Model> model(library.create(), library.destroy);
  check<Model>(library, nullptr, model != nullptr);
  const std::string weights = folder + "/" + library.name + ".safetensors";
  struct stat there;
  if (!folder.empty() && stat(weights.c_str(), &there) == 0)
    check(library, model.get(), library.load(model.get(), weights.c_str()) == 0);
  auto outputs = std::make_shared<std::vector<Numbers>>();
  for (size_t size : sizes) outputs->emplace_back(size);
  return {library.name, millisecondsSince(begin), outputs,
          [=] { check(library, model.get(), forward(model.get(), *outputs) == 0); }};
}

std::vector<System> systemsOf(const std::string &folder) {
  const Numbers digit = inputOf(28 * 28, 1), small = inputOf(3 * 32 * 32, 2), canvas = inputOf(64 * 64, 3),
                large = inputOf(3 * 96 * 96, 4), keys = inputOf(1000 * 512, 5), values = inputOf(1000 * 512, 6);
  using Outputs = std::vector<Numbers>;
  return {
      systemOf(LIBRARY(multi_task, MULTI_TASK), folder, {10, 4, 16 * 2 * 49},
               [=](multi_task *model, Outputs &out) {
                 return multi_task_forward(model, 1, digit.data(), out[0].data(), out[1].data(), out[2].data());
               }),
      systemOf(LIBRARY(classifier, CLASSIFIER), folder, {10, 8 * 8},
               [=](classifier *model, Outputs &out) {
                 return classifier_forward(model, 1, small.data(), out[0].data(), out[1].data());
               }),
      systemOf(LIBRARY(detector, DETECTOR), folder, {8 * 8 * 10, 8 * 8 * 4},
               [=](detector *model, Outputs &out) {
                 return detector_forward(model, 1, canvas.data(), out[0].data(), out[1].data());
               }),
      systemOf(LIBRARY(white_patch, WHITE_PATCH), folder, {1, 32 * 24 * 24},
               [=](white_patch *model, Outputs &out) {
                 return white_patch_forward(model, 1, large.data(), out[0].data(), out[1].data());
               }),
      systemOf(LIBRARY(resnet, RESNET), folder, {10, 16 * 16, 8 * 8, 4 * 4, 2 * 2, 2 * 2},
               [=](resnet *model, Outputs &out) {
                 return resnet_forward(model, 1, small.data(), out[0].data(), out[1].data(), out[2].data(),
                                       out[3].data(), out[4].data(), out[5].data());
               }),
      systemOf(LIBRARY(image_index, IMAGE_INDEX), folder, {512, 512, 512},
               [=](image_index *model, Outputs &out) {
                 return image_index_forward(model, 1, digit.data(), out[0].data(), out[1].data(), out[2].data());
               }),
      systemOf(LIBRARY(image_search, IMAGE_SEARCH), folder, {1000, 512, 10},
               [=](image_search *model, Outputs &out) {
                 return image_search_forward(model, 1, digit.data(), keys.data(), values.data(), out[0].data(),
                                             out[1].data(), out[2].data());
               }),
  };
}

/// The median of many calls, in milliseconds.
double latencyOf(const System &system) {
  std::vector<double> times(51);
  for (double &time : times) {
    const auto begin = std::chrono::steady_clock::now();
    system.run();
    time = millisecondsSince(begin);
  }
  std::nth_element(times.begin(), times.begin() + 25, times.end());
  return times[25];
}

} // namespace

int main(int argc, char **argv) {
  const std::vector<System> systems = systemsOf(argc > 1 ? argv[1] : "");
  std::vector<std::vector<Numbers>> alone;
  for (const System &system : systems) {
    const double latency = latencyOf(system);
    std::printf("%-12s started in %.2f ms, %.3f ms an item\n", system.name.c_str(), system.started, latency);
    alone.push_back(*system.outputs);
    for (Numbers &output : *system.outputs) std::fill(output.begin(), output.end(), NAN);
  }

  std::vector<std::thread> threads;
  for (const System &system : systems)
    threads.emplace_back([&system] {
      for (int times = 0; times < 20; ++times) system.run();
    });
  for (std::thread &thread : threads) thread.join();
  bool same = true;
  for (size_t i = 0; i < systems.size(); ++i) same &= *systems[i].outputs == alone[i]; // NaN is like no number

  struct stat self;
  stat("/proc/self/exe", &self);
  std::printf("%zu models in %lld KB; at the same time they give %s\n", systems.size(),
              static_cast<long long>(self.st_size / 1024), same ? "the same numbers" : "OTHER NUMBERS");
  return same ? 0 : 1;
}
