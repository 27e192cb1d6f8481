"""The mutual information between layers of one's own PyTorch model: one line before the loop, one in it.

A small convolutional network learns scikit-learn's digits, 8x8 pixels. Run it with `python examples/mi_of_a_pytorch_model.py`.
"""

import torch
from sklearn.datasets import load_digits

from trainer.pytorch import MutualInformationMonitor

EPOCHS = 5

torch.manual_seed(0)
x, y = (torch.from_numpy(array) for array in load_digits(return_X_y=True))
x = x.reshape(-1, 1, 8, 8).float() / 16
x_train, y_train, x_test, y_test = x[:1297], y[:1297], x[1297:], y[1297:]

model = torch.nn.Sequential()
model.add_module("conv", torch.nn.Conv2d(1, 8, 3))
model.add_module("pool", torch.nn.Sequential(torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten()))
model.add_module("hidden", torch.nn.Sequential(torch.nn.Linear(72, 16), torch.nn.Tanh()))
model.add_module("output", torch.nn.Linear(16, 10))
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.002)

monitor = MutualInformationMonitor(model, (x_test, y_test), layers=[("conv", "hidden"), ("input", "hidden")])
monitor.measure(0)
for epoch in range(EPOCHS):
    for rows in torch.randperm(len(x_train)).split(32):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
    monitor.measure(epoch + 1, loss=loss)
monitor.say_notes()

for row in monitor.rows:
    print(f"epoch {row.epoch}  I({row.x}; {row.y}) = {row.mi:.2f} {row.units}  error {row.error:.3f}")
