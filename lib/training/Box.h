// A rectangle in an image.
#ifndef FOVEA_TRAINING_BOX_H
#define FOVEA_TRAINING_BOX_H

namespace fovea::training {

/// In pixels, the top left corner of the image at (0, 0); right > left, bottom > top, or it is empty.
struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;
};

} // namespace fovea::training

#endif
