"""Train a small network on scikit-learn's digits and keep the activations of its first and last hidden layers.

    python examples/make_digits_activations.py

writes examples/digits_first.npy and digits_last.npy: (1797, 24) float32 each, one row per image, tanh units of a
64-24-16-24-10 network with 97 % of the held-out images right. Needs scikit-learn.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

HIDDEN = (24, 16, 24)
FOLDER = Path(__file__).parent


def main() -> None:
    images, labels = load_digits(return_X_y=True)
    images = images / 16.0
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels, test_size=0.25, random_state=0, stratify=labels
    )
    network = MLPClassifier(HIDDEN, activation="tanh", alpha=1e-3, max_iter=300, random_state=0)
    network.fit(train_images, train_labels)
    print(f"test accuracy {network.score(test_images, test_labels):.3f}")

    activations = [images]
    for weights, bias in zip(network.coefs_[:-1], network.intercepts_[:-1], strict=True):
        activations.append(np.tanh(activations[-1] @ weights + bias))
    for name, values in (("first", activations[1]), ("last", activations[-1])):
        path = FOLDER / f"digits_{name}.npy"
        np.save(path, values.astype(np.float32), allow_pickle=False)
        print(f"{path}: {values.shape}")


if __name__ == "__main__":
    main()
