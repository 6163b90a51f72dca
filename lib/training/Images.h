// Labelled images in memory, and the data sets that are read from files: MNIST, CIFAR-10, STL-10, folders of pictures.
#ifndef FOVEA_TRAINING_IMAGES_H
#define FOVEA_TRAINING_IMAGES_H

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fovea::training {

/// Images of one size with a class each. Colours are planes, as models take them.
struct LabelledImages {
  int64_t count = 0, channels = 1, rows = 28, columns = 28; // 1 channel: grey; 3: red, green, blue
  std::vector<uint8_t> pixels;                              // (count, channels, rows, columns)
  std::vector<int32_t> labels;                              // (count)

  int64_t size() const { return channels * rows * columns; } // of one image
  const uint8_t *image(int64_t index) const { return pixels.data() + index * size(); }
};

struct DataSet {
  std::vector<std::string> classes; // their names; a label is an index
  LabelledImages train, test;
};

/// Loads {train,t10k}-{images-idx3,labels-idx1}-ubyte, each plain or with .gz, from a folder: 28 x 28, 0 is paper and
/// 255 is ink. Throws fovea::Error where the folder or a file is missing or malformed, images are not 28 x 28, the
/// counts of images and labels differ, or a label is above 9.
DataSet loadMnist(const std::filesystem::path &folder);

/// Loads CIFAR-10's binary version: those of data_batch_{1,...,5}.bin that are there, one at least, and test_batch.bin,
/// each plain or with .gz; a record is a label and 3 planes of 32 x 32. Throws fovea::Error where the folder or a file
/// is missing, is not made of whole records, or a label is above 9.
DataSet loadCifar10(const std::filesystem::path &folder);

/// Loads STL-10's binary version: {train,test}_{X,y}.bin, each plain or with .gz; 3 planes of 96 x 96, whose columns
/// follow one another in the file, labels from 1. Throws fovea::Error where the folder or a file is missing, is not
/// made of whole images, images and labels are not as many, or a label is not from 1 to 10.
DataSet loadStl10(const std::filesystem::path &folder);

/// Loads train/CLASS/* and test/CLASS/*: the files that end in .png, .jpg or .jpeg, in the order of their names;
/// classes in the order of theirs. Grey where the first file is, else RGB, into which grey ones are made. Throws
/// fovea::Error where a folder is missing or has no classes, the two have not the same classes, a class has no image,
/// an image cannot be read, is in colour where the first is grey, or is not as large as the first.
DataSet loadImageFolders(const std::filesystem::path &folder);

/// The first images of a set; all of them where it has fewer.
LabelledImages firstOf(const LabelledImages &images, int64_t count);

/// The images from `begin` on, `count` of them or what is left.
LabelledImages sliceOf(const LabelledImages &images, int64_t begin, int64_t count);

} // namespace fovea::training

#endif
