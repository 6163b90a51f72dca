// Digits drawn by a procedure, for when MNIST is not at hand. A digit is a few strokes; a stroke is a smooth curve
// (Catmull-Rom) through control points in a square, x to the right, y down, both in [0, 1]. A pixel's ink follows
// from its distance to the nearest stroke, which gives anti-aliasing and blur in one step.
#include "training/DrawnDigits.h"

#include "training/Random.h"

#include <algorithm>
#include <cmath>

namespace fovea::training {
namespace {

struct Point {
  double x, y;
};
using Stroke = std::vector<Point>;
using Glyph = std::vector<Stroke>;

constexpr int64_t size = 28;

/// The shapes a class is drawn in. A point that occurs twice in a row makes a corner.
const std::vector<std::vector<Glyph>> &shapes() {
  static const std::vector<std::vector<Glyph>> table = {
      // 0: an oval; one that does not quite close
      {{{{.5, .05}, {.2, .2}, {.13, .55}, {.28, .9}, {.55, .95}, {.82, .75}, {.86, .4}, {.72, .12}, {.5, .05}}},
       {{{.62, .06}, {.3, .15}, {.15, .5}, {.3, .9}, {.6, .93}, {.85, .6}, {.8, .25}, {.55, .1}, {.4, .14}}}},
      // 1: a bar; with a flag; with flag and foot
      {{{{.56, .04}, {.5, .5}, {.46, .96}}},
       {{{.3, .25}, {.55, .05}, {.55, .05}, {.53, .5}, {.52, .96}}},
       {{{.3, .22}, {.52, .05}, {.52, .05}, {.52, .95}}, {{.25, .95}, {.8, .95}}}},
      // 2: with a straight foot; with a loop
      {{{{.17, .25}, {.35, .06}, {.68, .08}, {.78, .32}, {.5, .65}, {.15, .94}, {.15, .94}, {.86, .93}}},
       {{{.18, .2}, {.45, .04}, {.75, .2}, {.65, .55}, {.3, .92}, {.15, .85}, {.3, .76}, {.6, .9}, {.88, .9}}}},
      // 3: round; with a flat top
      {{{{.2, .14}, {.5, .04}, {.77, .22}, {.42, .46}, {.42, .46}, {.82, .64}, {.65, .92}, {.35, .96}, {.15, .82}}},
       {{{.2, .07}, {.78, .07}, {.78, .07}, {.45, .4}, {.45, .4}, {.82, .6}, {.7, .92}, {.38, .96}, {.15, .84}}}},
      // 4: open; closed; one stroke down the right
      {{{{.28, .06}, {.18, .5}, {.22, .56}, {.84, .54}}, {{.74, .08}, {.7, .5}, {.66, .96}}},
       {{{.9, .66}, {.12, .66}, {.12, .66}, {.66, .05}, {.66, .05}, {.64, .96}}},
       {{{.2, .1}, {.2, .42}, {.45, .52}, {.78, .4}}, {{.8, .06}, {.78, .4}, {.74, .96}}}},
      // 5: with the bar joined; as a separate stroke
      {{{{.82, .06}, {.3, .06}, {.3, .06}, {.24, .44}, {.24, .44}, {.6, .4}, {.82, .66}, {.6, .94}, {.17, .9}}},
       {{{.32, .1}, {.26, .45}, {.26, .45}, {.62, .42}, {.78, .7}, {.5, .95}, {.17, .86}}, {{.32, .1}, {.84, .05}}}},
      // 6: a bow with a loop; with a straighter back
      {{{{.7, .06}, {.35, .28}, {.17, .65}, {.4, .95}, {.74, .85}, {.74, .6}, {.5, .5}, {.2, .7}}},
       {{{.52, .04}, {.28, .45}, {.2, .8}, {.5, .96}, {.78, .76}, {.56, .54}, {.26, .7}}}},
      // 7: plain; with a bar; with a hook
      {{{{.14, .08}, {.84, .08}, {.84, .08}, {.56, .5}, {.4, .96}}},
       {{{.15, .08}, {.84, .08}, {.84, .08}, {.55, .5}, {.38, .96}}, {{.34, .52}, {.76, .5}}},
       {{{.17, .24}, {.18, .1}, {.18, .1}, {.82, .1}, {.82, .1}, {.62, .5}, {.54, .96}}}},
      // 8: one stroke that crosses itself; two loops
      {{{{.72, .16}, {.48, .05}, {.26, .22}, {.5, .46}, {.78, .7}, {.55, .95}, {.24, .78}, {.48, .48}, {.74, .18}}},
       {{{.5, .05}, {.28, .22}, {.5, .44}, {.73, .24}, {.5, .05}},
        {{.5, .44}, {.2, .7}, {.48, .96}, {.8, .72}, {.5, .44}}}},
      // 9: with a straight leg; with a bow
      {{{{.76, .28}, {.5, .06}, {.22, .28}, {.42, .52}, {.72, .38}, {.77, .22}, {.77, .22}, {.74, .6}, {.68, .96}}},
       {{{.78, .26}, {.48, .05}, {.22, .26}, {.4, .48}, {.68, .42}, {.78, .24}, {.76, .6}, {.58, .92}, {.25, .92}}}}};
  return table;
}

/// How one digit differs from its shape: an affine map from the unit square to pixels, and the pen.
struct Hand {
  double a, b, c, d, x, y; // pixel = (a * u + b * v + x, c * u + d * v + y), u and v from the square's centre
  double halfWidth;        // of the stroke, pixels
  double softness;         // over how many pixels ink fades to paper
  double ink;              // of full black
  double noise;            // standard deviation, of full black
};

Hand randomHand(Random &random) {
  const double angle = 0.20 * random.normal(), shear = 0.22 * random.normal();
  const double wide = random.uniform(11.5, 18.5), high = random.uniform(16.5, 21.5);
  Hand hand;
  hand.a = wide * std::cos(angle);
  hand.b = high * (-shear * std::cos(angle) - std::sin(angle));
  hand.c = wide * std::sin(angle);
  hand.d = high * (std::cos(angle) - shear * std::sin(angle));
  hand.x = size / 2.0 + random.uniform(-2.5, 2.5);
  hand.y = size / 2.0 + random.uniform(-2.5, 2.5);
  hand.halfWidth = random.uniform(0.6, 2.0);
  hand.softness = random.uniform(0.8, 2.2);
  hand.ink = random.uniform(0.75, 1.0);
  hand.noise = random.uniform(0.0, 0.08);
  return hand;
}

Point curve(const Point &before, const Point &from, const Point &to, const Point &after, double t) {
  auto blend = [t](double p, double q, double r, double s) {
    return q + 0.5 * t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p)));
  };
  return {blend(before.x, from.x, to.x, after.x), blend(before.y, from.y, to.y, after.y)};
}

/// The stroke with its control points moved a little, as a polyline in pixels.
Stroke inPixels(Stroke stroke, const Hand &hand, Random &random) {
  Point moved{0.03 * random.normal(), 0.03 * random.normal()};
  for (size_t i = 0; i < stroke.size(); ++i) {
    bool corner = i > 0 && stroke[i].x + moved.x == stroke[i - 1].x && stroke[i].y + moved.y == stroke[i - 1].y;
    if (!corner) moved = {0.03 * random.normal(), 0.03 * random.normal()};
    stroke[i] = {stroke[i].x + moved.x, stroke[i].y + moved.y};
  }
  constexpr int steps = 5;
  Stroke line;
  auto add = [&](const Point &p) {
    const double u = p.x - 0.5, v = p.y - 0.5;
    line.push_back({hand.a * u + hand.b * v + hand.x, hand.c * u + hand.d * v + hand.y});
  };
  for (size_t i = 0; i + 1 < stroke.size(); ++i) {
    const Point &before = stroke[i == 0 ? 0 : i - 1], &after = stroke[std::min(i + 2, stroke.size() - 1)];
    for (int step = 0; step < steps; ++step) add(curve(before, stroke[i], stroke[i + 1], after, double(step) / steps));
  }
  add(stroke.back());
  return line;
}

double squaredDistance(const Point &p, const Point &from, const Point &to) {
  const double dx = to.x - from.x, dy = to.y - from.y, length = dx * dx + dy * dy;
  double t = length > 0 ? ((p.x - from.x) * dx + (p.y - from.y) * dy) / length : 0;
  t = std::clamp(t, 0.0, 1.0);
  const double x = p.x - from.x - t * dx, y = p.y - from.y - t * dy;
  return x * x + y * y;
}

/// Lowers nearest (size, size), the squared distance to the strokes so far, around one segment.
void addSegment(const Point &from, const Point &to, double reach, std::vector<double> &nearest) {
  auto first = [reach](double p, double q) { return std::max<int64_t>(0, int64_t(std::min(p, q) - reach)); };
  auto last = [reach](double p, double q) { return std::min<int64_t>(size - 1, int64_t(std::max(p, q) + reach)); };
  for (int64_t row = first(from.y, to.y); row <= last(from.y, to.y); ++row)
    for (int64_t column = first(from.x, to.x); column <= last(from.x, to.x); ++column) {
      double &best = nearest[static_cast<size_t>(row * size + column)];
      best = std::min(best, squaredDistance({column + 0.5, row + 0.5}, from, to));
    }
}

void draw(int64_t label, Random &random, uint8_t *image) {
  const std::vector<Glyph> &variants = shapes()[static_cast<size_t>(label)];
  const Glyph &glyph = variants[random.below(variants.size())];
  const Hand hand = randomHand(random);
  const double reach = hand.halfWidth + hand.softness;
  std::vector<double> nearest(size * size, 1e9);
  for (const Stroke &stroke : glyph) {
    const Stroke line = inPixels(stroke, hand, random);
    for (size_t i = 0; i + 1 < line.size(); ++i) addSegment(line[i], line[i + 1], reach, nearest);
  }
  for (size_t i = 0; i < nearest.size(); ++i) {
    double inside = (hand.halfWidth - std::sqrt(nearest[i])) / hand.softness + 0.5;
    inside = std::clamp(inside, 0.0, 1.0);
    const double smooth = inside * inside * (3 - 2 * inside);
    const double value = hand.ink * smooth + hand.noise * random.normal();
    image[i] = static_cast<uint8_t>(std::clamp(value, 0.0, 1.0) * 255 + 0.5);
  }
}

LabelledImages drawPart(int64_t count, uint64_t seed) {
  LabelledImages images;
  images.count = count;
  images.pixels.resize(static_cast<size_t>(count * size * size));
  Random random(seed);
  for (int64_t i = 0; i < count; ++i) {
    images.labels.push_back(static_cast<int32_t>(i % digitClasses));
    draw(i % digitClasses, random, images.pixels.data() + i * size * size);
  }
  return images;
}

} // namespace

DataSet drawDigits(int64_t trainCount, int64_t testCount, uint64_t seed) {
  return {{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
          drawPart(trainCount, 2 * seed),
          drawPart(testCount, 2 * seed + 1)};
}

} // namespace fovea::training
