// The author's score and mask functions as regions, and what else attention's ops are told.
#pragma once

#include "lib/dsl/Build.h"

#include <fovea/Attention.h>

namespace fovea::dsl {

/// Which keys a query sees, in the terms of the dialect.
struct Window {
  int64_t left, right, offset = 0;
};

/// What attention's options are for one query and key: computed and traced in the constructor.
struct AttentionRegions {
  /// Functions see query i of the op as i + `first`.
  AttentionRegions(Program &program, Site site, const Tensor &query, const Tensor &key, const AttentionOptions &options,
                   int64_t first = 0);

  Value lengths() const { return kvLengths; }
  /// The op with the regions put in, which is verified then; gives its first result.
  template <typename Op> Value fill(Op op) {
    op.getScore().takeBody(score);
    op.getMask().takeBody(mask);
    program.check(site, op);
    return op->getResult(0);
  }

  Program &program;
  Site site;
  double scale;
  Window window;
  SmallVector<Value> captures;

private:
  void trace(const AttentionOptions &options, mlir::Type element, int64_t first);

  Value kvLengths;
  mlir::Region score, mask;
};

} // namespace fovea::dsl
