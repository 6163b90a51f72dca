// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!image = tensor<?x3x9x7xf32, #fovea.dims<[B] -> (B, 3, 9, 7)>>
!windows = tensor<?x3x3x2x4x5xf32, #fovea.dims<[B] -> (B, 3, 3, 2, 4, 5)>>

// (9 - 2 - 1) / 2 + 1 rows and (7 - 2 - 1) / 1 + 1 columns of windows.
func.func @windows(%x: !image) {
  // CHECK: fovea.unfold {{.*}} -> tensor<?x3x3x2x4x5xf32, #fovea.dims<[B] -> (B, 3, 3, 2, 4, 5)>>
  %0 = fovea.unfold %x {axes = array<i64: 2, 3>, size = array<i64: 3, 2>, stride = array<i64: 2, 1>, dilation = array<i64: 1, 2>} : (!image) -> !windows
  // CHECK: fovea.fold {{.*}} -> tensor<?x3x9x7xf32
  %1 = fovea.fold %0 {axes = array<i64: 2, 3>, size = array<i64: 3, 2>, stride = array<i64: 2, 1>, dilation = array<i64: 1, 2>} : (!windows) -> !image
  return
}
