// --tune measures schedules and writes the best into a file, one line for each of the slowest kernels; other lines stay.
// RUN: rm -rf %t && mkdir %t
// RUN: foveac %S/stages.mlir --tune --schedules=%t/best --sizes=batch=2048 --target=x86-64-v3 --tune-rounds=2 | FileCheck %s --check-prefix=TUNED
// RUN: FileCheck %s --check-prefix=FILE <%t/best
// RUN: echo '// a comment' >>%t/best && echo '0123456789abcdef0123 x86-64-v4 #fovea.schedule<"Rn", vector = 16> // of another model' >>%t/best
// RUN: foveac %S/stages.mlir --tune --schedules=%t/best --sizes=batch=2048 --target=x86-64-v3 --tune-rounds=1 && FileCheck %s --check-prefixes=FILE,KEPT <%t/best

// Later compilations take them, at every stage; kernels that the file does not name keep the heuristic's.
// RUN: sed 's/#fovea.schedule.*matmul_0:/#fovea.schedule<"NMnmkn", rows = 3, columns = 8, vector = 8, task = 9, width = 8> \/\/ matmul_0:/' %t/best >%t/edited
// RUN: foveac %S/stages.mlir --compile-to=kernels --schedules=%t/edited --target=x86-64-v3 | FileCheck %s --check-prefix=TAKEN
// RUN: foveac %S/stages.mlir --compile-to=schedule --schedules=%t/edited --target=x86-64-v3 | FileCheck %s --check-prefix=TEXT
// RUN: foveac %S/stages.mlir --schedules=%t/edited --target=x86-64-v3 --cache=%t/cache -o %t/out --mlir-timing 2>&1 | FileCheck %s --check-prefix=NATIVE --implicit-check-not=warning
// RUN: foveac %S/stages.mlir --schedules=%t/edited --target=x86-64 -o %t/out 2>&1 | FileCheck %s --check-prefix=NONE

// TUNED-DAG: {{^}}matmul_0: {{[0-9.]+}} us before, {{[0-9.]+}} us now: #fovea.schedule<
// FILE: {{^}}fovea schedules 1{{$}}
// FILE: {{^[0-9a-f]+}} x86-64-v3 #fovea.schedule<{{.*}}> // {{.*}}: {{[0-9.]+}} us before, {{[0-9.]+}} us now{{$}}
// KEPT: {{^}}// a comment{{$}}
// KEPT-NEXT: {{^}}0123456789abcdef0123 x86-64-v4 #fovea.schedule<"Rn", vector = 16> // of another model{{$}}

// TAKEN: fovea.kernel @matmul_0({{.*}}schedule = #fovea.schedule<"NMnmkn", rows = 3, columns = 8, vector = 8, task = 9, width = 8>
// TEXT: // matmul_0 for x86-64-v3, #fovea.schedule<"NMnmkn", rows = 3
// NATIVE: compile @matmul_0
// NONE: foveac: warning: no schedule in '{{.*}}edited' is for a kernel of this model and x86-64: measure some with --tune

// Mistakes are told by line, and the file stays as it was.
// RUN: not foveac %S/stages.mlir --tune 2>&1 | FileCheck %s --check-prefix=NOWHERE
// RUN: not foveac %S/stages.mlir --tune --schedules=%t/new -o %t/out 2>&1 | FileCheck %s --check-prefix=OUTPUT
// RUN: not foveac %S/stages.mlir --tune --schedules=%t/new --target=x86-64-v3 2>&1 | FileCheck %s --check-prefix=SIZES
// RUN: not foveac %S/stages.mlir --tune --schedules=%t/new --sizes=batch=8 --target=x86-64+x86-64-v3 2>&1 | FileCheck %s --check-prefix=TARGETS
// RUN: not foveac %S/stages.mlir --tune --schedules=%t/none/new --sizes=batch=8 --tune-rounds=0 2>&1 | FileCheck %s --check-prefix=FOLDER
// RUN: not ls %t/new
// RUN: not foveac %S/stages.mlir --schedules=%t/new -o %t/out 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: cp %S/stages.mlir %t/text && not foveac %S/stages.mlir --tune --schedules=%t/text --sizes=batch=8 2>&1 | FileCheck %s --check-prefix=HEADING && cmp %S/stages.mlir %t/text
// RUN: printf '%%s\n' 'fovea schedules 1' '' 'matmul_0 #fovea.schedule<"Rn">' >%t/fields && not foveac %S/stages.mlir --schedules=%t/fields -o %t/out 2>&1 | FileCheck %s --check-prefix=FIELDS
// RUN: printf '%%s\n' 'fovea schedules 1' 'ab sparc #fovea.schedule<"Rn">' >%t/target && not foveac %S/stages.mlir --schedules=%t/target -o %t/out 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: printf '%%s\n' 'fovea schedules 1' 'ab x86-64 #fovea.schedule<"Rn", vector = 3>' >%t/bad && not foveac %S/stages.mlir --schedules=%t/bad -o %t/out 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: printf '%%s\n' 'fovea schedules 1' 'ab x86-64 "Rn"' >%t/other && not foveac %S/stages.mlir --schedules=%t/other -o %t/out 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: printf '%%s\n' 'fovea schedules 1' 'ab x86-64 #fovea.schedule<"Rn">' 'ab x86-64 #fovea.schedule<"Rn">' >%t/twice && not foveac %S/stages.mlir --schedules=%t/twice -o %t/out 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: sed 's/#fovea.schedule.*matmul_0:/#fovea.schedule<"Rn"> \/\/ matmul_0:/' %t/best >%t/wrong && not foveac %S/stages.mlir --schedules=%t/wrong --target=x86-64-v3 -o %t/out 2>&1 | FileCheck %s --check-prefix=WRONG

// NOWHERE: foveac: error: --tune needs a file to write the best schedules into: give --schedules=FILE
// OUTPUT: foveac: error: --tune writes schedules only: leave --compile-to, --report and -o to a call without it
// SIZES: foveac: error: the model's sizes are batch, and what runs needs numbers: give --sizes=batch=NUMBER
// TARGETS: foveac: error: --tune measures on one target, but --target names 2: give one of them
// FOLDER: foveac: error: cannot write '{{.*}}none/new': No such file or directory
// MISSING: foveac: error: cannot read '{{.*}}new': No such file or directory
// HEADING: text:1:1: error: this is no file of schedules: its first line must be 'fovea schedules 1', as foveac --tune writes it
// FIELDS: fields:3:1: error: a line must be KERNEL TARGET #fovea.schedule<...>, where KERNEL is the hexadecimal number that foveac --tune writes, or a comment after '//'
// TARGET: target:2:1: error: target 'sparc': 'sparc' is not known; give host, x86-64
// BAD: bad:2:1: error: '#fovea.schedule<"Rn", vector = 3>' is no #fovea.schedule: schedule: vector is 3: it must be a power of 2
// OTHER: other:2:1: error: '"Rn"' is no #fovea.schedule: it is another attribute
// TWICE: twice:3:1: error: a second schedule of kernel ab for x86-64: the first is in line 2; remove one of them
// WRONG: stages.mlir:{{.*}}: error: @matmul_0 has loops "Rn", but can have only
// WRONG: wrong:{{[0-9]+}}:1: error: this is the schedule of @matmul_0: correct it, or remove the line
