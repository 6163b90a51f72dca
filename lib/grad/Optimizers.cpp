// Optimizers: the update of every trained parameter, as fovea ops.
#include "lib/grad/Grad.h"

#include "dialect/ops/Term.h"

#include <cmath>

using namespace mlir;

namespace fovea {

namespace {
class Update {
public:
  Update(ModuleOp module, OptimizerAttr optimizer, Type element)
      : module(module), builder(module.getContext()), optimizer(optimizer), element(element) {}

  void build() {
    builder.setInsertionPointToEnd(module.getBody());
    auto scalar = RankedTensorType::get({}, element);
    auto function =
        func::FuncOp::create(builder, module.getLoc(), "update", builder.getFunctionType({scalar, scalar}, {}));
    for (unsigned index : {0, 1}) {
      function.setArgAttr(index, "fovea.name", builder.getStringAttr(index == 0 ? "rate" : "scale"));
      function.setArgAttr(index, "fovea.scalar", builder.getUnitAttr());
    }
    Block *body = function.addEntryBlock();
    builder.setInsertionPointToStart(body);
    SmallVector<StateOp> trained;
    for (StateOp state : module.getOps<StateOp>())
      if (state.getRole() == "parameter" && !state.getFrozen()) trained.push_back(state);
    scale(trained, term(module.getLoc(), body->getArgument(1)));
    countStep();
    clip(trained);
    for (StateOp state : trained) {
      Term p = load(state), g = gradients.at(state);
      Term rate = as(term(state.getLoc(), body->getArgument(0)), p.type().getElementType());
      if (!state.getRate().isExactlyValue(1)) rate = rate * state.getRate().convertToDouble();
      Term next = p - rate * (this->*rule())(state, p, g);
      store(state, next);
      average(state, next);
      Value zeros = filled(builder, state.getLoc(), state.getTensor(), 0);
      StoreOp::create(builder, state.getLoc(), zeros, gradientOf(state).getSymName());
    }
    func::ReturnOp::create(builder, module.getLoc());
  }

private:
  Term term(Location location, Value value) { return {builder, location, value}; }
  /// A value in another element type.
  Term as(Term x, Type to) {
    if (x.type().getElementType() == to) return x;
    return term(x.location, CastOp::create(builder, x.location, x.type().clone(to), x.value));
  }
  Term load(StateOp state) {
    return term(state.getLoc(), LoadOp::create(builder, state.getLoc(), state.getTensor(), state.getSymName()));
  }
  /// Where gradients are not finite, the old value stays.
  void store(StateOp state, Value value) {
    if (good) value = SelectOp::create(builder, state.getLoc(), good, value, load(state));
    StoreOp::create(builder, state.getLoc(), value, state.getSymName());
  }
  StateOp gradientOf(StateOp state) { return lookup("gradient/" + state.getSymName().str()); }
  StateOp lookup(const std::string &name) { return cast<StateOp>(SymbolTable::lookupSymbolIn(module, name)); }

  /// A state tensor of the optimizer for one parameter, zero at first.
  StateOp moment(StringRef name, StateOp parameter) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(*module.getOps<func::FuncOp>().begin());
    auto state = StateOp::create(builder, parameter.getLoc(), (name + "/" + parameter.getSymName()).str(), "optimizer",
                                 parameter.getTensor());
    return state;
  }

  Value number(int64_t value) {
    auto type = RankedTensorType::get({}, builder.getI64Type());
    return ConstantOp::create(builder, module.getLoc(), DenseElementsAttr::get(type, APInt(64, value)));
  }
  Value select(Value condition, Value a, Value b) {
    return SelectOp::create(builder, module.getLoc(), condition, a, b);
  }

  void countStep() {
    StateOp step = lookup("step");
    count = AddOp::create(builder, module.getLoc(), load(step), number(1));
    store(step, count);
  }

  /// Gradients times `factor`, without the loss scale.
  void scale(ArrayRef<StateOp> trained, Term factor) {
    bool scaled = optimizer.constant("loss_scale") != 0;
    if (scaled) factor = factor / load(lookup("loss_scale"));
    for (StateOp state : trained)
      gradients.insert({state, load(gradientOf(state)) * as(factor, state.getTensor().getElementType())});
    if (scaled) adjustLossScale(trained);
  }

  /// Doubles the loss scale after so many updates with finite gradients, else halves it (Micikevicius et al. 2018).
  void adjustLossScale(ArrayRef<StateOp> trained) {
    StateOp state = lookup("loss_scale"), counter = lookup("good_steps");
    Term now = load(state), largest = now; // which is finite
    for (StateOp parameter : trained) {
      Term size = as(gradients.at(parameter).apply<AbsOp>(), element);
      SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, size.type().getRank()));
      largest = largest.make<MaximumOp>(largest.value, size.make<MaxOp>(size.value, axes, false).value);
    }
    Location location = module.getLoc();
    Value finite = CompareOp::create(builder, location, largest, now.constant(INFINITY), "lt");
    Value steps = AddOp::create(builder, location, load(counter), number(1));
    Value full =
        CompareOp::create(builder, location, number((int64_t)optimizer.constant("growth_interval")), steps, "le");
    Term doubled = now.make<MinimumOp>((now * 2.0).value, now.constant(0x1p24).value);
    Term halved = now.make<MaximumOp>((now * 0.5).value, now.constant(1).value);
    store(state, select(finite, select(full, doubled, now), halved));
    store(counter, select(finite, select(full, number(0), steps), number(0)));
    good = finite;
  }

  /// Gradients are scaled down to the global norm where that is asked for (Pascanu et al. 2013).
  void clip(ArrayRef<StateOp> trained) {
    double limit = optimizer.constant("clip_norm");
    if (!(limit > 0) || trained.empty()) return;
    std::optional<Term> total;
    for (StateOp state : trained) {
      Term square = squares(gradients.at(state));
      total = total ? *total + square : square;
    }
    Term factor = limit / (total->apply<SqrtOp>() + 1e-6);
    factor = factor.make<MinimumOp>(factor.value, factor.constant(1).value);
    for (StateOp state : trained)
      gradients.at(state) = gradients.at(state) * as(factor, state.getTensor().getElementType());
  }

  /// What the learning rate multiplies.
  using Rule = Term (Update::*)(StateOp state, Term p, Term g);
  Rule rule() const {
    StringRef kind = optimizer.getKind();
    return kind == "sgd"       ? &Update::sgd
           : kind == "adam"    ? &Update::adam
           : kind == "adamw"   ? &Update::adamw
           : kind == "adagrad" ? &Update::adagrad
                               : &Update::lamb;
  }

  /// x and the parameter times the decay, where it has one.
  Term decayed(StateOp state, Term x, Term p) {
    double decay = optimizer.constant("weight_decay");
    return decay != 0 && state.getDecay() ? x + p * decay : x;
  }

  /// SGD with momentum (Sutskever et al. 2013): decay is added to the gradient.
  Term sgd(StateOp state, Term p, Term g) {
    double momentum = optimizer.constant("momentum");
    g = decayed(state, g, p);
    if (momentum == 0) return g;
    StateOp buffer = moment("momentum", state);
    Term velocity = load(buffer) * momentum + g;
    store(buffer, velocity);
    return optimizer.constant("nesterov") != 0 ? g + velocity * momentum : velocity;
  }

  /// The mean gradient over its root mean square, both corrected for their start at 0. The corrections are computed in
  /// f64: 1 - beta^t cancels in f32.
  Term normalized(StateOp state, Term g) {
    double beta1 = optimizer.constant("beta1"), beta2 = optimizer.constant("beta2");
    StateOp first = moment("moment1", state), second = moment("moment2", state);
    Term m = load(first) * beta1 + g * (1 - beta1);
    Term v = load(second) * beta2 + g * g * (1 - beta2);
    store(first, m);
    store(second, v);
    Type type = g.type().getElementType();
    return (m / as(correction(beta1), type)) /
           ((v / as(correction(beta2), type)).apply<SqrtOp>() + optimizer.constant("epsilon"));
  }

  /// Adam (Kingma and Ba 2015): decay is added to the gradient.
  Term adam(StateOp state, Term p, Term g) { return normalized(state, decayed(state, g, p)); }

  /// AdamW (Loshchilov and Hutter 2019): decay is apart from the gradient.
  Term adamw(StateOp state, Term p, Term g) { return decayed(state, normalized(state, g), p); }

  /// Adagrad (Duchi et al. 2011): decay is added to the gradient.
  Term adagrad(StateOp state, Term p, Term g) {
    StateOp sum = moment("squares", state);
    g = decayed(state, g, p);
    Term squares = load(sum) + g * g;
    store(sum, squares);
    return g / (squares.apply<SqrtOp>() + optimizer.constant("epsilon"));
  }

  /// LAMB (You et al. 2020): AdamW's step, as long as the parameter; where one of the two is 0, as it is.
  Term lamb(StateOp state, Term p, Term g) {
    Term step = adamw(state, p, g), size = norm(p), length = norm(step);
    Term shorter = size.make<MinimumOp>(size.value, length.value), one = size.constant(1);
    Value known = CompareOp::create(builder, state.getLoc(), size.constant(0), shorter, "lt");
    // A branch that is not taken divides by 1.
    Term divisor = size.make<SelectOp>(known, length.value, one.value);
    Term ratio = size.make<SelectOp>(known, (size / divisor).value, one.value);
    return step * as(ratio, p.type().getElementType());
  }

  /// The root of the sum of squares, in the loss's type.
  Term norm(Term x) { return squares(x).apply<SqrtOp>(); }
  Term squares(Term x) {
    x = as(x, element);
    SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, x.type().getRank()));
    Term square = x * x;
    return square.make<SumOp>(square.value, axes, false);
  }

  /// The moving average of the new value, whose weights add up to 1 from the first step on (Kingma and Ba 2015, 7.2).
  void average(StateOp state, Term next) {
    double decay = optimizer.constant("ema");
    if (decay == 0) return;
    StateOp ema = moment("ema", state);
    Term old = load(ema), part = (1 - decay) / correction(decay);
    store(ema, old + (next - old) * as(part, next.type().getElementType()));
  }

  /// 1 - beta^step, once for each beta.
  Term correction(double beta) {
    if (auto known = corrections.find(beta); known != corrections.end()) return known->second;
    Location location = module.getLoc();
    Term exponent =
        term(location, CastOp::create(builder, location, RankedTensorType::get({}, builder.getF64Type()), count));
    Term exact = 1.0 - exponent.make<PowOp>(exponent.constant(beta).value, exponent.value);
    Term rounded = element.isF64()
                       ? exact
                       : term(location, CastOp::create(builder, location, RankedTensorType::get({}, element), exact));
    return corrections.insert({beta, rounded}).first->second;
  }

  ModuleOp module;
  OpBuilder builder;
  OptimizerAttr optimizer;
  Type element;
  Value count;
  Value good; // whether all gradients are finite; null without loss scaling
  std::map<Operation *, Term> gradients;
  std::map<double, Term> corrections;
};
} // namespace

void buildUpdate(ModuleOp module, OptimizerAttr optimizer, Type element) { Update(module, optimizer, element).build(); }

} // namespace fovea
