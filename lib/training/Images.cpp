// The data sets whose files hold images of a fixed size, one behind the other.
#include "training/Images.h"

#include "formats/Error.h"
#include "formats/Gzip.h"
#include "formats/Idx.h"

#include <algorithm>

namespace fovea::training {
namespace {

namespace fs = std::filesystem;
using formats::Bytes;

void checkFolder(const fs::path &folder, const std::string &content) {
  if (!fs::is_directory(folder))
    throw Error(folder.string() + ": is not a folder: name the one that contains " + content);
}

bool hasFile(const fs::path &folder, const std::string &name) {
  return fs::exists(folder / name) || fs::exists(folder / (name + ".gz"));
}

/// The file or its compressed form; `content` says what the folder should hold.
fs::path findFile(const fs::path &folder, const std::string &name, const std::string &content) {
  for (const char *ending : {"", ".gz"})
    if (fs::exists(folder / (name + ending))) return folder / (name + ending);
  throw Error(folder.string() + ": holds neither " + name + " nor " + name + ".gz: " + content +
              ", name the folder that contains them");
}

/// How many records a file's content is made of.
int64_t countRecords(const Bytes &content, int64_t size, const std::string &what, const fs::path &path) {
  const auto bytes = static_cast<int64_t>(content.size());
  if (bytes == 0 || bytes % size != 0)
    throw Error(path.string() + ": holds " + std::to_string(bytes) + " bytes, which is not one or more " + what +
                " of " + std::to_string(size) + ": the file is cut off or another format, get it anew");
  return bytes / size;
}

/// Appends labels that must be from `first` to `last`, as indices of classes.
void addLabel(uint8_t label, uint8_t first, uint8_t last, const fs::path &path, std::vector<int32_t> &labels) {
  if (label < first || label > last)
    throw Error(path.string() + ": holds label " + std::to_string(label) + " for image " +
                std::to_string(labels.size()) + ", but labels are " + std::to_string(first) + " to " +
                std::to_string(last) + ": the file is damaged or another format, get it anew");
  labels.push_back(label - first);
}

void checkCounts(int64_t images, const fs::path &imageFile, size_t labels, const fs::path &labelFile) {
  if (images == 0 || static_cast<size_t>(images) != labels)
    throw Error(imageFile.string() + ": holds " + std::to_string(images) + " images, but " + labelFile.string() +
                " holds " + std::to_string(labels) + " labels: there must be as many, and one at least");
}

LabelledImages loadMnistPart(const fs::path &folder, const std::string &part) {
  const std::string files = "MNIST is four such files";
  const fs::path imageFile = findFile(folder, part + "-images-idx3-ubyte", files);
  const fs::path labelFile = findFile(folder, part + "-labels-idx1-ubyte", files);
  formats::IdxArray images = formats::readIdx(imageFile, 3), labels = formats::readIdx(labelFile, 1);
  if (images.shape[1] != 28 || images.shape[2] != 28)
    throw Error(imageFile.string() + ": holds images of " + std::to_string(images.shape[1]) + " x " +
                std::to_string(images.shape[2]) + " pixels, but MNIST's are 28 x 28");
  checkCounts(images.shape[0], imageFile, labels.values.size(), labelFile);
  LabelledImages result{images.shape[0], 1, 28, 28, std::move(images.values), {}};
  for (uint8_t label : labels.values) addLabel(label, 0, 9, labelFile, result.labels);
  return result;
}

/// Adds the records of one file.
void addCifarBatch(const fs::path &path, LabelledImages &images) {
  const Bytes content = formats::readInflated(path);
  const int64_t record = 1 + images.size();
  const int64_t count = countRecords(content, record, "records", path);
  for (auto at = content.begin(); at != content.end(); at += record) {
    addLabel(*at, 0, 9, path, images.labels);
    images.pixels.insert(images.pixels.end(), at + 1, at + record);
  }
  images.count += count;
}

LabelledImages loadStlPart(const fs::path &folder, const std::string &part) {
  constexpr int64_t side = 96;
  const std::string files = "STL-10 is four such files, {train,test}_{X,y}.bin";
  const fs::path imageFile = findFile(folder, part + "_X.bin", files);
  const fs::path labelFile = findFile(folder, part + "_y.bin", files);
  const Bytes content = formats::readInflated(imageFile), labels = formats::readInflated(labelFile);
  LabelledImages images{0, 3, side, side, Bytes(content.size()), {}};
  images.count = countRecords(content, images.size(), "images", imageFile);
  checkCounts(images.count, imageFile, labels.size(), labelFile);
  for (uint8_t label : labels) addLabel(label, 1, 10, labelFile, images.labels);
  for (int64_t plane = 0; plane < 3 * images.count; ++plane)
    for (int64_t row = 0; row < side; ++row)
      for (int64_t column = 0; column < side; ++column)
        images.pixels[static_cast<size_t>((plane * side + row) * side + column)] =
            content[static_cast<size_t>((plane * side + column) * side + row)];
  return images;
}

} // namespace

DataSet loadMnist(const fs::path &folder) {
  checkFolder(folder, "MNIST's four files");
  return {{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
          loadMnistPart(folder, "train"),
          loadMnistPart(folder, "t10k")};
}

DataSet loadCifar10(const fs::path &folder) {
  checkFolder(folder, "CIFAR-10's binary files");
  const std::string files = "CIFAR-10 is data_batch_1.bin to data_batch_5.bin and test_batch.bin";
  const LabelledImages none{0, 3, 32, 32, {}, {}};
  DataSet data{{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}, none, none};
  for (int number = 1; number <= 5; ++number)
    if (const std::string name = "data_batch_" + std::to_string(number) + ".bin"; hasFile(folder, name))
      addCifarBatch(findFile(folder, name, files), data.train);
  if (data.train.count == 0) findFile(folder, "data_batch_1.bin", files);
  addCifarBatch(findFile(folder, "test_batch.bin", files), data.test);
  return data;
}

DataSet loadStl10(const fs::path &folder) {
  checkFolder(folder, "STL-10's binary files");
  return {{"airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"},
          loadStlPart(folder, "train"),
          loadStlPart(folder, "test")};
}

LabelledImages firstOf(const LabelledImages &images, int64_t count) { return sliceOf(images, 0, count); }

LabelledImages sliceOf(const LabelledImages &images, int64_t begin, int64_t count) {
  LabelledImages result{0, images.channels, images.rows, images.columns, {}, {}};
  begin = std::clamp<int64_t>(begin, 0, images.count);
  result.count = std::clamp<int64_t>(count, 0, images.count - begin);
  result.pixels.assign(images.image(begin), images.image(begin + result.count));
  result.labels.assign(images.labels.begin() + begin, images.labels.begin() + begin + result.count);
  return result;
}

} // namespace fovea::training
