"""The mutual information between layers of one's own Keras model: one more line in `model.fit`.

A small convolutional network learns scikit-learn's digits, 8x8 pixels. Run it with `python examples/mi_of_your_own_network.py`.
"""

import keras
from sklearn.datasets import load_digits

from trainer import MutualInformationCallback

EPOCHS = 5

keras.utils.set_random_seed(0)
x, y = load_digits(return_X_y=True)
x = x.reshape(-1, 8, 8, 1).astype("float32") / 16
x_train, y_train, x_test, y_test = x[:1297], y[:1297], x[1297:], y[1297:]

model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(8, 3, activation="relu", name="conv"),
        keras.layers.MaxPooling2D(name="pool"),
        keras.layers.Flatten(),
        keras.layers.Dense(16, activation="tanh", name="hidden"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy")

measuring = MutualInformationCallback((x_test, y_test), layers=[("conv", "hidden"), ("input", "hidden")], bn="inference")
model.fit(x_train, y_train, epochs=EPOCHS, verbose=0, callbacks=[measuring])

for row in measuring.rows:
    print(f"epoch {row.epoch}  I({row.x}; {row.y}) = {row.mi:.2f} {row.units}  error {row.error:.3f}")
