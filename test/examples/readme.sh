#!/usr/bin/env bash
# The README's code and commands, as they stand there, on the model of the MNIST example.
#
#   readme.sh BUILD
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd) build=$(cd "$1" && pwd)
readme=$source/README.md model=$build/examples/03-mnist/digits/digits.mlir
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export PATH=$build/bin:$PATH

fail() { printf 'readme.sh: %s\n' "$*" >&2; exit 1; }
# block LANGUAGE [N]: the first, or N-th, block of code in this language.
block() { awk -v fence='```'"$1" -v n="${2:-1}" '$0 == fence { on = !--n; next } /^```/ { if (on) exit } on' "$readme"; }
# promised TEXT: the README says this.
promised() { grep -qF -- "$1" "$readme" || fail "the README does not say '$1' any more"; }

# The pieces of code, which take their blocks and their header from the example.
{ printf '#include "vision_transformer.h"\nstd::vector<Model> define() {\n'; block cpp; printf 'return {digits};\n}\n'; } >model.cpp
c++ -std=c++17 -fsyntax-only -I"$build/include" -I"$source/examples/03-mnist" model.cpp || fail "the model does not compile"
{
  printf '#include <fovea/compile.h>\nusing namespace fovea;\n'
  printf 'void f(Model digits, int64_t batch, std::vector<float> image, std::vector<int32_t> label, float rate, float loss) {\n'
  block cpp 2
  printf '}\n'
} >compiled.cpp
c++ -std=c++17 -fsyntax-only -I"$build/include" compiled.cpp || fail "the program that compiles does not compile"
grep -q train_step compiled.cpp || fail "the second C++ code is not compile(model)"
{
  printf '#include <fovea/fovea.h>\nusing namespace fovea;\n'
  printf 'Tensor f(Model model, Tensor q, Tensor k, Tensor v, int64_t heads, int64_t tokens) {\n'
  block cpp 3
  printf 'return y;\n}\n'
} >score.cpp
c++ -std=c++17 -fsyntax-only -I"$build/include" score.cpp || fail "the score function does not compile"
grep -q attention score.cpp || fail "the third C++ code is no attention"
{
  printf '#include "digits.h"\nvoid f(int64_t batch, const float *image, const int32_t *label, float rate, float loss, float *logits) {\n'
  block c
  printf '}\n'
} >main.c
cc -std=c99 -Werror -fsyntax-only -I"$(dirname "$model")" main.c || fail "the C program does not compile"

# Every stage of the table, with the command above it.
promised 'foveac MODEL.mlir --compile-to=STAGE -o PATH'
stages=$(sed -n '/^| stage |/,/^$/s/^| \(`[^|]*`\) |.*/\1/p' "$readme" | tr -d '`,')
[ "$(wc -w <<<"$stages")" -eq 12 ] || fail "the table has other stages than 12:" $stages
for stage in $stages; do
  target=host
  [ "$stage" = ptx ] && target=cuda-sm80
  foveac "$model" --target=$target --compile-to="$stage" -o "$stage" || fail "--compile-to=$stage fails"
  [ -s "$stage" ] || fail "--compile-to=$stage leaves nothing"
  case $stage in object | archive | shared) [ -s "$stage/digits.h" ] || fail "$stage leaves no digits.h" ;; esac
done
foveac kernels --name=digits -o again || fail "a kernels file cannot be fed back in"

promised '`foveac --report`'
foveac "$model" --report -o . >report || fail "--report fails"
grep -q '^peak: .* \* batch' report || fail "the report has no memory in closed form"
promised '`foveac --peak`'
foveac --peak >peak
grep -q 'one thread: .* GFLOP/s' peak || fail "--peak fails: $(cat peak)"
promised '`--target=x86-64-v3+x86-64-v4`'
foveac "$model" --target=x86-64-v3+x86-64-v4 -o . || fail "two targets fail"
promised '`--checks`'
foveac "$model" --checks -o . || fail "--checks fails"
promised '`fovea-opt` runs single passes'
fovea-opt "$model" -fovea-grad -o pass || fail "fovea-opt runs no pass"
grep -q '@train_step' pass || fail "a single pass does nothing"

# Links lead to files, or to headings of one word.
for link in $(awk '/^```/ { code = !code } !code' "$readme" | grep -oE '\]\([^)]*\)' | tr -d '])('); do
  case $link in
  '#'*) grep -qi "^##* ${link#\#}$" "$readme" ;;
  *) [ -e "$source/$link" ] ;;
  esac || fail "the link to $link leads nowhere"
done
for path in $(grep -oE '`(lib|tools|test|examples|dialect)/[a-zA-Z/._-]*`' "$readme" | tr -d '`'); do
  [ -e "$source/$path" ] || fail "$path is not there"
done
