// Pictures: colours, scaling, drawing, text, grids, plots, pages.
#include "training/Picture.h"

#include "../TemporaryFolder.h"
#include "formats/Png.h"
#include "training/Page.h"
#include "training/Plot.h"

#include <cmath>

namespace fovea::training {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PictureFileTest : public TemporaryFolder {};

int64_t countOf(const Picture &picture, Colour colour) {
  int64_t count = 0;
  for (int64_t y = 0; y < picture.height(); ++y)
    for (int64_t x = 0; x < picture.width(); ++x) count += picture.at(x, y) == colour;
  return count;
}

double brightness(Colour colour) { return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]; }

TEST(ColourMap, EndsAndOrder) {
  EXPECT_EQ(colourOf(ColourMap::viridis, 0), (Colour{68, 1, 84}));
  EXPECT_EQ(colourOf(ColourMap::viridis, 1), (Colour{253, 231, 37}));
  EXPECT_EQ(colourOf(ColourMap::viridis, 0.5), (Colour{33, 145, 140}));
  EXPECT_EQ(colourOf(ColourMap::magma, -1), (Colour{0, 0, 4}));
  EXPECT_EQ(colourOf(ColourMap::magma, 2), (Colour{252, 253, 191}));
  EXPECT_EQ(colourOf(ColourMap::magma, NAN), (Colour{0, 0, 4}));
  for (ColourMap map : {ColourMap::viridis, ColourMap::magma})
    for (int i = 0; i < 100; ++i)
      EXPECT_LE(brightness(colourOf(map, i / 100.0)), brightness(colourOf(map, (i + 1) / 100.0))) << i;
}

TEST(Map, Resized) {
  const Map map{1, 2, {0, 4}};
  EXPECT_THAT(resized(map, 1, 4).values, ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(resized(map, 2, 2).values, ElementsAre(0, 4, 0, 4));
  EXPECT_THAT(resized({2, 2, {1, 2, 3, 4}}, 1, 1).values, ElementsAre(2.5f));
}

TEST(Picture, ScalesLikeAMap) {
  const uint8_t grey[] = {0, 100};
  const Picture wide = Picture(grey, 1, 1, 2).scaled(4, 1);
  EXPECT_EQ(wide.at(0, 0)[0], 0);
  EXPECT_EQ(wide.at(1, 0)[0], 25);
  EXPECT_EQ(wide.at(2, 0)[0], 75);
  EXPECT_EQ(wide.at(3, 0)[0], 100);
}

TEST(Picture, WhatLiesOutsideIsNotDrawn) {
  Picture picture(4, 3);
  picture.fill(-2, -2, 3, 3, black);
  picture.draw(Picture(2, 2, black), 3, 2);
  picture.text(-3, -3, "M", white);
  picture.polyline({{-100, -100}, {-50, 100}}, 2, black);
  EXPECT_EQ(countOf(picture, black), 2);
  EXPECT_EQ(countOf(picture, white), 10);
}

TEST(Picture, Polyline) {
  Picture picture(20, 10);
  picture.polyline({{2, 5}, {10, 5}, {NAN, 5}, {10, 5}, {18, 5}}, 2, black);
  EXPECT_EQ(picture.at(5, 4), black);
  EXPECT_EQ(picture.at(5, 5), black);
  EXPECT_EQ(picture.at(5, 7), white);
  Picture faint(20, 10);
  faint.polyline({{2, 5}, {10, 5}, {18, 5}}, 2, black, 0.5);
  EXPECT_EQ(faint.at(9, 5), faint.at(5, 5)); // no darker where segments meet
}

TEST(Picture, Text) {
  Picture picture(12, 9);
  picture.text(0, 0, "I", black);
  EXPECT_EQ(countOf(picture, black), 11);
  Picture twice(24, 18), unknown(6, 9), question(6, 9);
  twice.text(0, 0, "I", black, 2);
  EXPECT_EQ(countOf(twice, black), 44);
  unknown.text(0, 0, "\xff", black);
  question.text(0, 0, "?", black);
  EXPECT_EQ(countOf(unknown, black), countOf(question, black));
  EXPECT_EQ(textWidth("ab", 2), 22);
  EXPECT_EQ(textWidth(""), 0);
}

TEST(Picture, Overlay) {
  const Picture base(2, 1, {100, 100, 100});
  const Picture mixed = overlay(base, {1, 2, {0, 2}}, 0, 2, 0.5, ColourMap::viridis);
  EXPECT_EQ(mixed.at(0, 0), (Colour{84, 51, 92}));
  EXPECT_EQ(mixed.at(1, 0), (Colour{177, 166, 69}));
  EXPECT_EQ(overlay(base, {1, 1, {3}}, 3, 3, 1, ColourMap::viridis).at(0, 0), (Colour{68, 1, 84}));
}

TEST(Picture, Grid) {
  const Colour red{255, 0, 0};
  const Picture plain = grid({}, {{{Picture(4, 4, red), ""}, {Picture(4, 4, red), ""}}, {{Picture(4, 4, red), ""}}}, 2);
  EXPECT_EQ(plain.width(), 14);
  EXPECT_EQ(plain.height(), 14);
  EXPECT_EQ(countOf(plain, red), 48);
  EXPECT_EQ(plain.at(8, 2), red);
  EXPECT_EQ(plain.at(8, 8), white);
  const Picture labelled = grid({"head"}, {{{Picture(4, 4, red), "caption"}}}, 2, 1);
  EXPECT_EQ(labelled.width(), textWidth("caption") + 4);
  EXPECT_GT(countOf(labelled, black), 50);
}

TEST_F(PictureFileTest, Saves) {
  Picture picture(2, 1, {1, 2, 3});
  picture.fill(1, 0, 1, 1, {4, 5, 6});
  picture.save(folder / "a.png");
  EXPECT_THAT(formats::readPng(folder / "a.png").pixels, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(errorOf([&] { picture.save(folder / "none" / "a.png"); }), HasSubstr("a.png: cannot make a file"));
}

TEST(Plot, Ticks) {
  EXPECT_THAT(ticks(0, 10, false), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(ticks(-0.5, 0.5, false), testing::Pointwise(testing::DoubleNear(1e-12), {-0.4, -0.2, 0.0, 0.2, 0.4}));
  EXPECT_THAT(ticks(0.03, 2.3, true), testing::Pointwise(testing::DoubleNear(1e-12), {0.05, 0.1, 0.2, 0.5, 1.0, 2.0}));
  EXPECT_GE(ticks(2.1, 2.9, true).size(), 3u);
  EXPECT_THAT(ticks(0.02, 5e3, true), testing::Pointwise(testing::DoubleNear(1e-9), {0.1, 1., 10., 100., 1000.}));
  EXPECT_LE(ticks(1e-30, 1e30, true).size(), 11u);
}

TEST(Plot, Smoothed) {
  EXPECT_EQ(smoothed({}, 3).size(), 0u);
  for (double value : smoothed({2, 2, 2}, 5)) EXPECT_DOUBLE_EQ(value, 2);
  const std::vector<double> step = smoothed({0, 1, 1, 1}, 1);
  EXPECT_DOUBLE_EQ(step[1], 1 / (1 + std::exp(-1)));
  EXPECT_LT(step[2], step[3]);
}

TEST(Plot, DrawsLinesFromCornerToCorner) {
  const Colour red{255, 0, 0};
  const Picture picture = plot({"title", "x", "y"}, {{"line", {0, 1}, {0, 1}, red}});
  EXPECT_EQ(picture.width(), 960);
  EXPECT_LT(picture.at(515, 285)[1], 80); // the middle of the axes
  EXPECT_EQ(picture.at(300, 200), white);
}

TEST(Plot, ShowsASinglePoint) {
  const Colour red{255, 0, 0};
  EXPECT_GT(countOf(plot({"", "x", "y"}, {{"", {1}, {2}, red}}), red), 20);
}

// Nothing of the legend is drawn over the label of the y axis: both together have the ink of each.
TEST(Plot, KeepsLegendAndLabelApart) {
  std::vector<Series> series(10, {"a name", {0, 1}, {0, 1}, {255, 0, 0}});
  auto ink = [&](const std::string &label, bool named) {
    if (!named)
      for (Series &each : series) each.name.clear();
    const Picture picture = plot({"", "", label}, series);
    int64_t count = 0;
    for (int64_t y = 0; y < 74; ++y)
      for (int64_t x = 0; x < picture.width(); ++x) count += picture.at(x, y) != white;
    return count;
  };
  const int64_t both = ink("weight", true), legend = ink("", true), label = ink("weight", false);
  EXPECT_GT(label, 0);
  EXPECT_EQ(both, legend + label);
}

TEST(Plot, SurvivesEveryInput) {
  for (bool logarithmic : {false, true}) {
    PlotOptions options{"", "", "", logarithmic};
    EXPECT_GT(countOf(plot(options, {}), white), 0);
    EXPECT_GT(countOf(plot(options, {{"", {1}, {2}, black}}), white), 0);
    EXPECT_GT(countOf(plot(options, {{"", {1, 2, 3, 4}, {NAN, -1, 0, INFINITY}, black}}), white), 0);
    EXPECT_GT(countOf(plot(options, {{"", {1, 2}, {1e-30, 1e30}, black}}), white), 0);
  }
}

TEST(Picture, OfPlanes) {
  const uint8_t planes[] = {1, 2, 3, 4, 5, 6};
  const Picture colours(planes, 3, 1, 2), grey(planes, 1, 2, 3);
  EXPECT_EQ(colours.at(0, 0), (Colour{1, 3, 5}));
  EXPECT_EQ(colours.at(1, 0), (Colour{2, 4, 6}));
  EXPECT_EQ(grey.at(2, 1), (Colour{6, 6, 6}));
  const float numbers[] = {-1, 0, 1, -9, 9, NAN};
  const Picture clamped = Picture::ofNumbers(numbers, 3, 1, 2, -1, 1);
  EXPECT_EQ(clamped.at(0, 0), (Colour{0, 255, 255}));
  EXPECT_EQ(clamped.at(1, 0), (Colour{128, 0, 0}));
}

TEST(Picture, Box) {
  const Colour red{255, 0, 0};
  Picture picture(40, 40);
  picture.box({10, 15, 20, 25}, "", red, 2);
  EXPECT_EQ(countOf(picture, red), 10 * 10 - 6 * 6);
  EXPECT_EQ(picture.at(10, 15), red);
  EXPECT_EQ(picture.at(19, 24), red);
  EXPECT_EQ(picture.at(20, 24), white);
  EXPECT_EQ(picture.at(12, 17), white);
  picture.box({10, 15, 20, 25}, "I", red, 2);
  EXPECT_EQ(picture.at(10, 14), red);                                            // the caption's ground
  EXPECT_EQ(countOf(picture, white), 40 * 40 - (10 * 10 - 6 * 6) - 10 * 7 + 11); // the letter is white
  Picture top(40, 40);
  top.box({10, 2, 20, 12}, "I", {255, 255, 0}, 1);
  EXPECT_EQ(countOf(top, black), 11); // below the edge, dark on bright
  top.box({-5, -5, 100, 100}, "", red, 3);
  top.box({5, 5, 4, 4}, "", red, 3);
}

TEST(Plot, Bars) {
  const PlotOptions options{"gates", "channel", "gate"};
  const Colour blue{0, 0, 255};
  auto heights = [&](const std::vector<double> &values, const std::vector<std::string> &captions = {}) {
    const Picture picture = bars(options, values, captions, blue);
    std::vector<int64_t> result;
    const double room = (options.width - 130.0) / static_cast<double>(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      int64_t height = 0;
      for (int64_t y = 0; y < picture.height(); ++y)
        height += picture.at(std::lround(100 + room * (static_cast<double>(i) + 0.5)), y) == blue;
      result.push_back(height);
    }
    return result;
  };
  const std::vector<int64_t> some = heights({1, 0.5, 0, NAN});
  EXPECT_EQ(some[0], 410); // the whole axis
  EXPECT_NEAR(static_cast<double>(some[1]), 205, 1);
  EXPECT_EQ(some[2], 0);
  EXPECT_EQ(some[3], 0);
  EXPECT_EQ(heights({1, -1})[0], 205);
  EXPECT_EQ(heights({1, -1})[1], 205);
  EXPECT_EQ(heights({1, 0.5}, {"a", "b"})[0], 410);
  EXPECT_NE(countOf(bars(options, {1, 1}, {"a", "b"}), {30, 30, 30}), countOf(bars(options, {1, 1}), {30, 30, 30}));
  EXPECT_GT(countOf(bars(options, {}), white), 0);
}

TEST(Page, HoldsEverythingAndEscapesIt) {
  Page page("a < b");
  page.heading("Heading");
  page.note("1 & 2");
  page.table({"name", "value"}, {{"x", "\"1\""}, {"y"}});
  page.picture(Picture(1, 1, {1, 2, 3}), "a dot");
  const std::string html = page.html();
  EXPECT_THAT(html, testing::StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(html, HasSubstr("<title>a &lt; b</title>"));
  EXPECT_THAT(html, HasSubstr("<h2>Heading</h2>\n<p>1 &amp; 2</p>\n<table>\n<tr><th>name</th><th>value</th></tr>\n"
                              "<tr><td>x</td><td>&quot;1&quot;</td></tr>\n<tr><td>y</td></tr>\n</table>"));
  const size_t begin = html.find("base64,") + 7, end = html.find('"', begin);
  EXPECT_EQ(html.substr(begin, 16), "iVBORw0KGgoAAAAN");
  EXPECT_EQ((end - begin) % 4, 0u);
  EXPECT_EQ(html.find("http"), std::string::npos); // nothing from elsewhere
}

TEST_F(PictureFileTest, PageSaves) {
  Page("page").save(folder / "a.html");
  EXPECT_EQ(fileCount(), 1u);
  EXPECT_THAT(errorOf([&] { Page("page").save(folder / "none" / "a.html"); }), HasSubstr("a.html: cannot make a file"));
}

} // namespace
} // namespace fovea::training
