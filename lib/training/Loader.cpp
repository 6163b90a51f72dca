// The order of an epoch follows from the seed and the epoch's number, the changes of an image from these and its place
// in the epoch, so a batch is the same whenever and by whichever thread it is made.
#include "training/Loader.h"

#include "formats/Error.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

namespace fovea::training {

/// Makes the batch of any step. One thread at a time may use it.
class Loader::Maker {
public:
  Maker(const LabelledImages &images, const LoaderOptions &options)
      : images(images), options(options), normalisation(options.mean, options.deviation, images.channels) {
    if (images.count <= 0) throw Error("a loader needs images: there are none");
    if (options.batch <= 0)
      throw Error("a batch of " + std::to_string(options.batch) + " images is not possible: ask for one or more");
    if (options.ahead < 0)
      throw Error("a loader cannot be " + std::to_string(options.ahead) + " batches ahead: it must be 0 or more");
    checkAugmentation(options.augmentation);
  }

  int64_t batchesPerEpoch() const { return (images.count + options.batch - 1) / options.batch; }

  void make(int64_t step, Batch &batch) {
    if (step < 0) throw Error("there is no batch of step " + std::to_string(step) + ": steps count from 0");
    shuffle(step / batchesPerEpoch());
    const int64_t begin = step % batchesPerEpoch() * options.batch;
    batch.size = std::min(options.batch, images.count - begin);
    const auto size = static_cast<size_t>(batch.size);
    batch.image.resize(size * static_cast<size_t>(images.size()));
    for (auto *labels : {&batch.label, &batch.mixed}) labels->resize(size);
    batch.index.resize(size);
    batch.share.assign(size, 0);
    for (int64_t i = 0; i < batch.size; ++i) makeImage(begin + i, static_cast<size_t>(i), batch);
  }

private:
  void shuffle(int64_t wanted) {
    if (wanted == epoch) return;
    epoch = wanted;
    order.resize(static_cast<size_t>(images.count));
    std::iota(order.begin(), order.end(), 0);
    if (!options.shuffle) return;
    Random random(seedOf(epoch));
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  }

  uint64_t seedOf(int64_t number) const {
    return options.seed ^ (0x9e3779b97f4a7c15u * static_cast<uint64_t>(number + 1));
  }

  /// The image at a place of the epoch, as number i of the batch.
  void makeImage(int64_t place, size_t i, Batch &batch) {
    const int64_t index = order[static_cast<size_t>(place)];
    Random random(seedOf(epoch) + 0xd1b54a32d192ed03u * static_cast<uint64_t>(place + 1));
    float *result = batch.image.data() + i * static_cast<size_t>(images.size());
    augment(images, index, options.augmentation, normalisation, random, result);
    batch.index[i] = index;
    batch.label[i] = batch.mixed[i] = images.labels[static_cast<size_t>(index)];
    if (!(options.augmentation.mixup > 0)) return;
    const auto other = static_cast<int64_t>(random.below(static_cast<uint64_t>(images.count)));
    const float share = static_cast<float>(random.beta(options.augmentation.mixup));
    second.resize(static_cast<size_t>(images.size()));
    augment(images, other, options.augmentation, normalisation, random, second.data());
    for (size_t p = 0; p < second.size(); ++p) result[p] = (1 - share) * result[p] + share * second[p];
    batch.mixed[i] = images.labels[static_cast<size_t>(other)];
    batch.share[i] = share;
  }

  const LabelledImages &images;
  const LoaderOptions options;
  const Normalisation normalisation;
  int64_t epoch = -1;
  std::vector<int64_t> order; // of this epoch
  std::vector<float> second;  // the image that is mixed in
};

/// A thread that makes the batches of consecutive steps, some of which wait to be taken.
class Loader::Ahead {
public:
  Ahead(Maker &maker, int64_t first, int64_t most)
      : most(static_cast<size_t>(most)), nextTaken(first), thread([this, &maker, first] { work(maker, first); }) {}

  ~Ahead() {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      stopped = true;
    }
    changed.notify_all();
    thread.join();
  }

  int64_t next() const { return nextTaken; }

  /// Exchanges the batch for the next one.
  void take(Batch &batch) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return !ready.empty() || failure; });
    if (ready.empty()) std::rethrow_exception(failure);
    spare = std::exchange(batch, std::move(ready.front()));
    ready.pop_front();
    ++nextTaken;
    changed.notify_all();
  }

private:
  void work(Maker &maker, int64_t step) {
    try {
      for (;; ++step) {
        Batch batch;
        {
          std::unique_lock<std::mutex> lock(mutex);
          changed.wait(lock, [&] { return stopped || ready.size() < most; });
          if (stopped) return;
          std::swap(batch, spare); // for its memory
        }
        maker.make(step, batch);
        const std::lock_guard<std::mutex> lock(mutex);
        ready.push_back(std::move(batch));
        changed.notify_all();
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      failure = std::current_exception();
      changed.notify_all();
    }
  }

  const size_t most;
  int64_t nextTaken; // the caller's thread alone uses it
  std::mutex mutex;  // for what follows
  std::condition_variable changed;
  std::deque<Batch> ready;
  Batch spare;
  bool stopped = false;
  std::exception_ptr failure;
  std::thread thread; // last: it uses all of these
};

Loader::Loader(const LabelledImages &images, const LoaderOptions &options)
    : maker(std::make_unique<Maker>(images, options)), most(options.ahead) {}

Loader::~Loader() = default;

int64_t Loader::batchesPerEpoch() const { return maker->batchesPerEpoch(); }

Batch &Loader::at(int64_t step) {
  if (most == 0) {
    maker->make(step, batch);
    return batch;
  }
  if (!ahead || ahead->next() != step) {
    ahead.reset(); // its thread ends before another one uses the maker
    ahead = std::make_unique<Ahead>(*maker, step, most);
  }
  ahead->take(batch);
  return batch;
}

} // namespace fovea::training
