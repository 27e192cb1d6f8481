"""How many bits about the label a layer holds, how wide it must be for that, and what the number of such bits is not.

Networks of growing width learn to tell digits apart; after training, MI between each hidden layer and the label is measured
(Ross 2014) beside the error on the test set. Run it with `python examples/bits_about_the_label.py`, for scikit-learn's digits,
or with `python examples/bits_about_the_label.py mnist`, or the path of an .npz file with x_train, y_train, x_test, y_test.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import mi_core
from trainer import Settings, load_data, start_run

LAYERS = {"first": "first", "hidden_2": "second", "last": "last"}
COLOURS = {"first": "#0072B2", "hidden_2": "#E69F00", "last": "#009E73"}

parser = argparse.ArgumentParser()
parser.add_argument("data", nargs="?", default="digits")
parser.add_argument(
    "--widths", default="1,2,3,4,6,8,16,32", help="of the second hidden layer; the first and last have twice these"
)
parser.add_argument("--epochs", type=int, default=10)
options = parser.parse_args()
widths = [int(width) for width in options.widths.split(",")]
data = load_data(options.data)

# A number that is no entropy: the share p of images in which a pixel is on, summed as -p log2 p over the pixels.
share = (data.x_train > 0).mean(axis=0)
share = share[(share > 0) & (share < 1)]
histogram = -(share * np.log2(share)).sum()
normalised = share / share.sum()
where = -(normalised * np.log2(normalised)).sum()
pixels = -(share * np.log2(share) + (1 - share) * np.log2(1 - share)).sum()
label = mi_core.entropy(data.y_test, estimator="discrete")
print(f"-p log2 p summed over the pixels       {histogram:7.2f}  no entropy: the p of a histogram add up to 1, these do not")
print(f"the same of p that add up to 1         {where:7.2f}  bits that say which pixel, of one that is on somewhere")
print(f"entropies of the pixels, summed        {pixels:7.2f}  bits, of an image whose pixels knew nothing of each other")
print(f"entropy of the label                   {label.entropy:7.2f}  bits: all that a classifier has to find out\n")

print("width  error  " + "  ".join(f"I({name}; label)".rjust(22) for name in LAYERS.values()))
measured = []
for width in widths:
    settings = Settings(
        width=width,
        hidden=3,
        epochs=options.epochs,
        batch_size=100,
        data=options.data,
        every=(options.epochs,),
        null_every=0,
        layers=tuple((layer, "labels") for layer in LAYERS),
    )
    with tempfile.TemporaryDirectory() as folder:
        rows = start_run(settings, Path(folder) / "run").table.rows()
    measured.append(rows)
    print(f"{width:5}  {rows[0].error:5.3f}  " + "  ".join(f"{row.mi:9.2f} +- {row.stderr:.2f} bits" for row in rows))

figure = Figure(figsize=(6, 4.5), layout="constrained")
upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
for place, (layer, name) in enumerate(LAYERS.items()):
    rows = [some[place] for some in measured]
    bars = [row.stderr for row in rows]
    upper.errorbar(
        widths, [row.mi for row in rows], bars, marker="o", markersize=4, color=COLOURS[layer], label=f"{name} layer"
    )
upper.axhline(label.entropy, color="0.3", linestyle="--", label="entropy of the label")
upper.set(ylabel="I(layer; label), bits", ylim=(0, None))
upper.legend(frameon=False)
lower.plot(widths, [rows[0].error for rows in measured], marker="o", markersize=4, color="0.3")
lower.set(xlabel="width of the second hidden layer", ylabel="test error", xscale="log", ylim=(0, None))
lower.set_xticks(widths, map(str, widths))
lower.minorticks_off()
figure.savefig("bits-about-the-label.png", dpi=150)
print("\ndrawn: bits-about-the-label.png")
