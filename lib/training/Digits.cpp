// MNIST from its four files.
#include "training/Digits.h"

#include "formats/Error.h"
#include "formats/Idx.h"

#include <algorithm>
#include <string>

namespace fovea::training {
namespace {

namespace fs = std::filesystem;

fs::path findFile(const fs::path &folder, const std::string &name) {
  for (const char *ending : {"", ".gz"})
    if (fs::exists(folder / (name + ending))) return folder / (name + ending);
  throw Error(folder.string() + ": holds neither " + name + " nor " + name +
              ".gz: MNIST is four such files, name the folder that contains them");
}

LabelledImages loadPart(const fs::path &folder, const std::string &part) {
  const fs::path imageFile = findFile(folder, part + "-images-idx3-ubyte");
  const fs::path labelFile = findFile(folder, part + "-labels-idx1-ubyte");
  formats::IdxArray images = formats::readIdx(imageFile, 3), labels = formats::readIdx(labelFile, 1);
  if (images.shape[1] != 28 || images.shape[2] != 28)
    throw Error(imageFile.string() + ": holds images of " + std::to_string(images.shape[1]) + " x " +
                std::to_string(images.shape[2]) + " pixels, but MNIST's are 28 x 28");
  if (images.shape[0] != labels.shape[0] || images.shape[0] == 0)
    throw Error(imageFile.string() + ": holds " + std::to_string(images.shape[0]) + " images, but " +
                labelFile.string() + " holds " + std::to_string(labels.shape[0]) +
                " labels: there must be as many, and one at least");
  const uint8_t largest = *std::max_element(labels.values.begin(), labels.values.end());
  if (largest >= Digits::classes)
    throw Error(labelFile.string() + ": holds label " + std::to_string(largest) + ", but digits end at 9");
  return {images.shape[0], 28, 28, std::move(images.values), std::move(labels.values)};
}

} // namespace

Digits loadMnist(const fs::path &folder) {
  if (!fs::is_directory(folder))
    throw Error(folder.string() + ": is not a folder: name the one that contains MNIST's four files");
  return {loadPart(folder, "train"), loadPart(folder, "t10k")};
}

LabelledImages firstOf(const LabelledImages &images, int64_t count) {
  LabelledImages result = images;
  result.count = std::min(count, images.count);
  result.pixels.resize(static_cast<size_t>(result.count * result.rows * result.columns));
  result.labels.resize(static_cast<size_t>(result.count));
  return result;
}

} // namespace fovea::training
