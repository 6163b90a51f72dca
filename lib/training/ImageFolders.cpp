// Folders of pictures, a subfolder for each class.
#include "formats/Error.h"
#include "formats/Image.h"
#include "training/Images.h"

#include <algorithm>
#include <cctype>

namespace fovea::training {
namespace {

namespace fs = std::filesystem;

bool isPicture(const fs::path &path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

/// What is in a folder and accepted, in the order of the names.
template <typename Accepted> std::vector<fs::path> entriesOf(const fs::path &folder, Accepted accepted) {
  std::vector<fs::path> entries;
  std::error_code code;
  for (const auto &entry : fs::directory_iterator(folder, code))
    if (accepted(entry.path())) entries.push_back(entry.path());
  if (code) throw Error(folder.string() + ": cannot read this folder: " + code.message());
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::vector<std::string> classesOf(const fs::path &folder) {
  if (!fs::is_directory(folder))
    throw Error(folder.string() + ": is not a folder: pictures are expected in train/CLASS and test/CLASS");
  std::vector<std::string> classes;
  for (const fs::path &path : entriesOf(folder, [](const fs::path &path) { return fs::is_directory(path); }))
    classes.push_back(path.filename().string());
  if (classes.empty())
    throw Error(folder.string() + ": has no subfolders, but one for each class is expected, named as the class");
  return classes;
}

/// The first image decides about the size and the channels, which are 0 before.
void addImage(const fs::path &path, int32_t label, LabelledImages &images) {
  const formats::Image image = formats::readImage(path);
  if (images.channels == 0) images.channels = image.channels, images.rows = image.height, images.columns = image.width;
  if (image.height != images.rows || image.width != images.columns)
    throw Error(path.string() + ": is " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                " pixels, but the first image is " + std::to_string(images.columns) + " x " +
                std::to_string(images.rows) + ": bring all to one size");
  if (image.channels > images.channels)
    throw Error(path.string() + ": is in colour, but the first image is grey: convert one or the other");
  const int64_t pixels = image.width * image.height;
  for (int64_t channel = 0; channel < images.channels; ++channel)
    for (int64_t i = 0; i < pixels; ++i)
      images.pixels.push_back(image.pixels[static_cast<size_t>(i * image.channels + channel % image.channels)]);
  images.labels.push_back(label);
  ++images.count;
}

void addClasses(const fs::path &folder, const std::vector<std::string> &classes, LabelledImages &images) {
  for (size_t label = 0; label < classes.size(); ++label) {
    const std::vector<fs::path> files = entriesOf(folder / classes[label], isPicture);
    if (files.empty())
      throw Error((folder / classes[label]).string() +
                  ": holds no file that ends in .png, .jpg or .jpeg: add some, or remove the class");
    for (const fs::path &file : files) addImage(file, static_cast<int32_t>(label), images);
  }
}

void checkHasAll(const fs::path &folder, const std::vector<std::string> &classes,
                 const std::vector<std::string> &wanted) {
  for (const std::string &name : wanted)
    if (std::find(classes.begin(), classes.end(), name) == classes.end())
      throw Error(folder.string() + ": has no subfolder " + name + ": train and test must have the same classes");
}

} // namespace

DataSet loadImageFolders(const fs::path &folder) {
  DataSet data{classesOf(folder / "train"), {0, 0}, {}};
  const std::vector<std::string> tested = classesOf(folder / "test");
  checkHasAll(folder / "test", tested, data.classes);
  checkHasAll(folder / "train", data.classes, tested);
  addClasses(folder / "train", data.classes, data.train);
  data.test = sliceOf(data.train, 0, 0); // none, of the same size
  addClasses(folder / "test", data.classes, data.test);
  return data;
}

} // namespace fovea::training
