// RUN: fovea-opt %s -allow-unregistered-dialect -split-input-file -verify-diagnostics

// expected-error@+1 {{schedule: '1' in loop order "Mn1" is not a letter}}
"test.op"() {a = #fovea.schedule<"Mn1">} : () -> ()

// -----

// expected-error@+1 {{schedule: rows is 0: it must be from 1 to 64}}
"test.op"() {a = #fovea.schedule<"Mn", rows = 0>} : () -> ()

// -----

// expected-error@+1 {{schedule: columns is 513: it must be from 1 to 512}}
"test.op"() {a = #fovea.schedule<"Mn", columns = 513>} : () -> ()

// -----

// expected-error@+1 {{schedule: vector is 128: it must be from 1 to 64}}
"test.op"() {a = #fovea.schedule<"Mn", vector = 128>} : () -> ()

// -----

// expected-error@+1 {{schedule: vector is 6: it must be a power of 2}}
"test.op"() {a = #fovea.schedule<"Mn", vector = 6>} : () -> ()

// -----

// expected-error@+1 {{schedule: task is -1: it must be from 1 to 1073741824}}
"test.op"() {a = #fovea.schedule<"Mn", task = -1>} : () -> ()

// -----

// expected-error@+1 {{schedule: chunks is 32769: it must be from 1 to 32768}}
"test.op"() {a = #fovea.schedule<"Mn", chunks = 32769>} : () -> ()

// -----

// expected-error@+1 {{schedule: width is 0: it must be from 1 to 1073741824}}
"test.op"() {a = #fovea.schedule<"Mn", width = 0>} : () -> ()

// -----

// expected-error@+1 {{schedule: depth is -1: it must be from 1 to 1073741824}}
"test.op"() {a = #fovea.schedule<"Mn", depth = -1>} : () -> ()
