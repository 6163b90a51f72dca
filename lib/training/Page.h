// One HTML page of a run: what was chosen, what came out, pictures, notes. It needs no other file.
#ifndef FOVEA_TRAINING_PAGE_H
#define FOVEA_TRAINING_PAGE_H

#include "training/Picture.h"

namespace fovea::training {

/// Texts are plain: what HTML would take for markup is shown as it is.
class Page {
public:
  explicit Page(const std::string &title);

  void heading(const std::string &text);
  void note(const std::string &text); // a paragraph
  /// A table; numbers are written by the caller. Rows may be shorter than the heading.
  void table(const std::vector<std::string> &heading, const std::vector<std::vector<std::string>> &rows);
  /// As PNG inside the page.
  void picture(const Picture &picture, const std::string &caption);

  std::string html() const;
  /// Writes the page, atomically. Throws fovea::Error where it cannot be written.
  void save(const std::filesystem::path &path) const;

private:
  std::string title, body;
};

} // namespace fovea::training

#endif
