/* How the digits model sees a pixel: (byte / 255 - mean) / deviation. Training and classification must agree on it;
 * the figures are those of MNIST's training images. */
#ifndef FOVEA_EXAMPLES_MNIST_PIXELS_H
#define FOVEA_EXAMPLES_MNIST_PIXELS_H

#define DIGITS_PIXEL_MEAN 0.1307f
#define DIGITS_PIXEL_DEVIATION 0.3081f

#endif
