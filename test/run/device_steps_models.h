// Models that device_steps_test.cpp trains on a device: those of the systems and of the lessons.
#pragma once

#include <fovea/Model.h>

#include <functional>
#include <map>

struct TrainedModel {
  std::string name;
  std::function<fovea::Model()> make;
  /// What inputs are drawn from: whole numbers from the first to before the second, real ones between them; -1 to 1
  /// where an input is not named.
  std::map<std::string, std::pair<double, double>> ranges = {};
  int64_t batch = 4;
  bool slow = false; // to compile and to run
};

std::vector<TrainedModel> lessonModels();
