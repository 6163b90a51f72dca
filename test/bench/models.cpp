// The program that writes the bench's models.
#include "models.h"

std::vector<Model> define() {
  std::vector<Model> models;
  for (auto family : {contractions})
    for (const Model &model : family()) models.push_back(model);
  return models;
}
