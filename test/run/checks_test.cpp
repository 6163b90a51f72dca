// The digits example with Halide's bounds checks kept: none of them fails, and results are those of the product.
#include "digits.h"
#include "digits_checked.h"

#include "test/run/Trained.h"

#include <cmath>

FOVEA_TRAINED(digits, float);
FOVEA_TRAINED(digits_checked, float);

namespace {

template <typename Trained> std::vector<float> run(Trained &trained, int64_t batch) {
  auto image = pictures<float>(batch, uint32_t(batch));
  auto label = labelsFor(batch);
  std::vector<float> results(batch * 10 + 1);
  trained.train_step(batch, image.data(), label.data(), 1e-3f, &results.back());
  trained.forward(batch, image.data(), results.data());
  return results;
}

} // namespace

TEST(Checks, NoneFailsAndResultsAgree) {
  digits_trained product(64);
  digits_checked_trained checked(64);
  for (int64_t batch : {1, 3, 64, 63, 1}) {
    auto expected = run(product, batch), results = run(checked, batch);
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(results[i], expected[i], 1e-5) << "batch " << batch << ", " << i;
  }
}
