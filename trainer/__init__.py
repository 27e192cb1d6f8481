"""Training of networks, with the mutual information between their layers measured epoch by epoch.

    Settings -> data -> model -> fit ----> MutualInformationCallback -> rows -> run folder -> plots
    (config)                    (train)    (activations of the named    (table)  (run)        (plot)
                                            layers -> measure)

The callback also works on its own, with any Keras 3 model on TensorFlow, JAX or Torch:

    model.fit(x, y, epochs=20, callbacks=[trainer.MutualInformationCallback((x_test, y_test))])

Its counterpart for PyTorch is in trainer.pytorch; trainer.lightning and trainer.huggingface serve the trainers of these two.

The architectures are those of Hodas & Stinis 2018, doi:10.3389/fpsyg.2018.01185. Importing this package loads neither Keras nor
NumPy; the first use of a name does.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.callback import MutualInformationCallback
    from trainer.config import Settings
    from trainer.critic import LearnedCritic, LearnedDirections, learned_lower_bound
    from trainer.data import Dataset, load_data
    from trainer.model import build
    from trainer.run import RunFolder
    from trainer.table import Row, Table
    from trainer.train import load_model, resume_run, start_run

_HOME_OF = {
    "Dataset": "trainer.data",
    "LearnedCritic": "trainer.critic",
    "LearnedDirections": "trainer.critic",
    "MutualInformationCallback": "trainer.callback",
    "Row": "trainer.table",
    "RunFolder": "trainer.run",
    "Settings": "trainer.config",
    "Table": "trainer.table",
    "build": "trainer.model",
    "learned_lower_bound": "trainer.critic",
    "load_data": "trainer.data",
    "load_model": "trainer.train",
    "resume_run": "trainer.train",
    "start_run": "trainer.train",
}

__all__ = [
    "Dataset",
    "LearnedCritic",
    "LearnedDirections",
    "MutualInformationCallback",
    "Row",
    "RunFolder",
    "Settings",
    "Table",
    "build",
    "learned_lower_bound",
    "load_data",
    "load_model",
    "resume_run",
    "start_run",
]


if not TYPE_CHECKING:  # type checkers see the imports above, and no other names

    def __getattr__(name: str) -> Any:
        if name not in _HOME_OF:
            raise AttributeError(f"module 'trainer' has no attribute {name!r}")
        import importlib

        return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
