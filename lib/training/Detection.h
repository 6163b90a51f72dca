// How good a detector is: boxes found against boxes that are there.
#ifndef FOVEA_TRAINING_DETECTION_H
#define FOVEA_TRAINING_DETECTION_H

#include "training/Box.h"

#include <cstdint>
#include <vector>

namespace fovea::training {

struct LabelledBox {
  Box box;
  int64_t label = 0; // class
  double score = 1;  // how sure the detector is; of a true box not used
};

/// Those of one image.
using Boxes = std::vector<LabelledBox>;

/// The area of the intersection over that of the union; 0 where both are empty.
double intersectionOverUnion(const Box &a, const Box &b);

/// Greedy non-maximum suppression: by falling score, those that no kept one of the same class overlaps by more than
/// `most` (intersection over union).
Boxes suppressed(Boxes boxes, double most = 0.5);

/// The area under the precision-recall curve of a class, precision made monotone, all points (Everingham et al. 2010,
/// "The PASCAL Visual Object Classes (VOC) Challenge", in the form from 2010 on). By falling score over all images, a
/// found box is right where the true box of its class that it overlaps most does so by `least` or more and no box
/// before it took that one. Both lists have an entry for each image. 0 where the class has no true box.
double averagePrecision(const std::vector<Boxes> &found, const std::vector<Boxes> &truth, int64_t label,
                        double least = 0.5);

/// The mean over the classes that have true boxes; 0 where there are none.
double meanAveragePrecision(const std::vector<Boxes> &found, const std::vector<Boxes> &truth, double least = 0.5);

/// 2 TP / (2 TP + FP + FN) over all classes, of the found boxes with this score or more; 0 where there are no boxes.
double detectionF1(const std::vector<Boxes> &found, const std::vector<Boxes> &truth, double leastScore,
                   double least = 0.5);

} // namespace fovea::training

#endif
