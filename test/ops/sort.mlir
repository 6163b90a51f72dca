// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!x = tensor<?x17xf32, #fovea.dims<[B] -> (B, 17)>>

func.func @sort(%x: !x) {
  // CHECK: fovea.sort {{.*}} {descending = true} : {{.*}} -> (tensor<?x17xf32{{.*}}, tensor<?x17xi64
  %0, %1 = fovea.sort %x {descending = true} : (!x) -> (!x, tensor<?x17xi64, #fovea.dims<[B] -> (B, 17)>>)
  return
}
