"""Images, their classes and their generation: CelebA, CIFAR, ImageNet, MNIST, and digits."""

from tensor2keras.data.images import celeba, cifar, image_digits, imagenet, mnist
