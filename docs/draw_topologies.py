"""Draw the four architectures, from the built models, into the folder of this file."""

from pathlib import Path
from typing import get_args

from trainer import Settings, build
from trainer.config import Arch
from trainer.plot import draw_topologies, save

models = [build(Settings(arch=arch), n_features=784, n_classes=10) for arch in get_args(Arch)]
save(draw_topologies(models), Path(__file__).with_name("topologies"))
