// The tables of cases, one for each family of ops, and those with a symbolic batch.
#pragma once

#include "test/ops/Case.h"

namespace fovea::ops {

Suite elementwiseSuite();
Suite specialValuesSuite();
Suite activationsSuite();
Suite viewsSuite();
Suite reduceSuite();
Suite contractionSuite();
Suite rowsSuite();
Suite normsSuite();
Suite lossesSuite();
Suite classLossesSuite();
Suite attentionSuite();
Suite attentionMapSuite();
Suite gatherSuite();
Suite windowsSuite();
Suite sortSuite();
/// Of every family.
Suite emptySuite();
Suite randomSuite();
Suite positionsSuite();
/// Relatives of attention, and blocks of lib/dsl/nn.
Suite localAttentionSuite();
Suite attentionFormsSuite();
Suite choicesSuite();
Suite lshSuite();
Suite blocksSuite();
/// Some of them with B as a size.
Suite relativesBatchSuite();
/// One random op's key depends on those before it, so each has a module of its own.
Suite dropoutSuite();
Suite attentionDropoutSuite();
/// A few of every family with B as a size.
Suite batchSuite();

Case batchNormCase(const std::string &name, Operand x);
std::vector<Case> batchLosses();
std::vector<Case> batchLocalAttention(), batchAttentionForms(), batchBlocks();

inline std::vector<Suite> staticSuites() {
  return {elementwiseSuite(),
          specialValuesSuite(),
          activationsSuite(),
          viewsSuite(),
          reduceSuite(),
          contractionSuite(),
          rowsSuite(),
          normsSuite(),
          lossesSuite(),
          classLossesSuite(),
          attentionSuite(),
          attentionMapSuite(),
          gatherSuite(),
          windowsSuite(),
          sortSuite(),
          emptySuite(),
          randomSuite(),
          dropoutSuite(),
          attentionDropoutSuite(),
          positionsSuite(),
          localAttentionSuite(),
          attentionFormsSuite(),
          choicesSuite(),
          lshSuite(),
          blocksSuite()};
}

} // namespace fovea::ops
