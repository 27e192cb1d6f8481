"""The monitor on PyTorch models of many kinds, and in the trainers of Lightning and Hugging Face."""

import copy
import doctest
import random
import subprocess
import sys
import warnings

import numpy as np
import pytest

import mi_core
from conftest import REPOSITORY
from mi_core import InputError
from trainer.table import Table

torch = pytest.importorskip("torch")

from trainer.pytorch import MutualInformationMonitor, Probe  # noqa: E402 - after Torch is known to be there

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn((120, 6), generator=GENERATOR)
Y = (X[:, 0] + X[:, 1] > 0).long()


class Network(torch.nn.Module):
    """Normalisation, dropout, noise, a module in place, a buffer that counts, and noise that evaluation does not switch off."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.BatchNorm1d(5), torch.nn.Tanh())
        self.last = torch.nn.Linear(5, 4)
        self.relu = torch.nn.ReLU(inplace=True)
        self.drop = torch.nn.Dropout(0.4)
        self.output = torch.nn.Linear(4, 2)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        hidden = self.drop(self.relu(self.last(self.first(x))))
        return self.output(hidden + 0.01 * torch.randn_like(hidden) * random.random() * np.random.rand())  # noqa: NPY002


def network():
    torch.manual_seed(3)
    return Network()


def train(model, epochs=2, after_epoch=lambda epoch: None, between=lambda: None):
    """A training that draws random numbers from every generator; its weights, buffers and gradients."""
    random.seed(4)
    np.random.seed(4)  # noqa: NPY002
    torch.manual_seed(4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    after_epoch(0)
    for epoch in range(epochs):
        for rows in torch.randperm(120).split(40):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(X[rows]), Y[rows])
            between()
            loss.backward()
            optimizer.step()
        after_epoch(epoch + 1)
    state = [*model.state_dict().values(), *(parameter.grad for parameter in model.parameters())]
    return [value.clone() for value in state]


def assert_same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def close(value):
    return pytest.approx(value, abs=1e-5)


# Training goes on as if nothing were measured


@pytest.mark.parametrize("bn", ["inference", "batch"])
def test_training_is_the_same_with_and_without(bn):
    model = network()
    monitor = MutualInformationMonitor(model, (X, Y), ("first", "last"), bn=bn, null_every=1, batch_size=50)
    expected = train(network())
    assert_same(train(model, after_epoch=monitor.measure), expected)
    assert [row.epoch for row in monitor.rows] == [0, 1, 2]
    assert model.training
    assert model.calls == 6


def test_measuring_between_forward_and_backward_changes_nothing():
    model = network()
    monitor = MutualInformationMonitor(model, X, ("first", "last"))
    assert_same(train(model, between=lambda: monitor.measure(0)), train(network()))


@pytest.mark.parametrize("bn", ["inference", "batch"])
def test_a_probe_leaves_no_trace(bn):
    model = network()
    model.drop.eval()
    model.first[1].eval()
    modes = [module.training for module in model.modules()]
    buffers = list(model.buffers())
    before = copy.deepcopy(model.state_dict())
    Probe(model, ["first", "last"], 50)(X.numpy(), bn)
    assert [module.training for module in model.modules()] == modes
    assert all(now is then for now, then in zip(model.buffers(), buffers, strict=True))
    assert_same(list(model.state_dict().values()), list(before.values()))
    assert not any(module._forward_hooks for module in model.modules())


def test_hooks_are_removed_and_modes_restored_after_an_error():
    model = network()
    monitor = MutualInformationMonitor(model, X, ("first", "last"))
    model.output = torch.nn.Linear(7, 2)
    state = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        monitor.measure(0)
    assert not any(module._forward_hooks for module in model.modules())
    assert all(module.training for module in model.modules())
    assert model.calls == 0
    torch.testing.assert_close(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()


# What is read


def test_inference_reads_what_evaluation_gives():
    model = network()
    train(model)
    heard, output = Probe(model, ["first", "last", "first.1"], 50)(X.numpy(), "inference")
    model.eval()
    with torch.no_grad():
        first = model.first(X)
        torch.testing.assert_close(heard["first"], first)
        torch.testing.assert_close(heard["last"], model.last(first))  # before the ReLU that follows in place
        torch.testing.assert_close(heard["first.1"], model.first[1](model.first[0](X)))
        np.testing.assert_allclose(output, model(X), atol=0.1)


def test_batch_reads_with_the_statistics_of_the_samples():
    model = network()
    train(model)
    heard, _ = Probe(model, ["first.1"], 120)(X.numpy(), "batch")
    with torch.no_grad():
        before = model.first[0](X)
        expected = torch.nn.functional.batch_norm(before, None, None, *model.first[1].parameters(), training=True)
    torch.testing.assert_close(heard["first.1"], expected)


def test_statistics_are_both_where_they_differ():
    def measured(model, **options):
        monitor = MutualInformationMonitor(model, X, layers=("first", "last"), **options)
        monitor.measure(0)
        return [row.bn for row in monitor.rows]

    model = network()
    assert measured(model) == ["inference", "batch"]
    assert measured(model, bn="batch") == ["batch"]
    model.first[1].eval()  # frozen, while the rest trains
    assert measured(model) == ["inference"]
    model.first[1] = torch.nn.Identity()
    assert measured(model) == ["inference"]


def test_frozen_normalisation_stays_frozen():
    model = network()
    train(model)
    model.first[1].eval()
    (inference, _), (batch, _) = (Probe(model, ["first"], 120)(X.numpy(), bn) for bn in ("inference", "batch"))
    assert_same([inference["first"]], [batch["first"]])


def test_rows_hold_the_estimates_of_the_estimator(tmp_path):
    model = network()
    table = tmp_path / "table.jsonl"
    pairs = [("first", "last"), ("input", "last"), ("last", "labels")]
    monitor = MutualInformationMonitor(model, (X, Y), pairs, k=4, units="nats", bn="inference", table=table, null_every=1)
    logged = monitor.measure(0, loss=torch.tensor(0.5), kind="text")
    heard, _ = Probe(model, ["first", "last"], 120)(X.numpy(), "inference")
    sides = {"input": X, "labels": Y, **heard}
    for row in monitor.rows:
        estimator = "ross" if row.y == "labels" else "ksg1"
        expected = mi_core.mutual_information(sides[row.x], sides[row.y], k=4, units="nats", estimator=estimator)
        assert (row.mi, row.stderr, row.dim_x, row.logs) == (expected.mi, expected.stderr, expected.dim_x, {"loss": 0.5})
        assert row.null is not None
    assert set(logged) == {"mi_first_last", "mi_input_last", "mi_last_labels", "error", "mi_seconds"}
    assert logged["mi_first_last"] == monitor.rows[0].mi
    assert 0 < logged["error"] == monitor.rows[0].error < 1
    assert Table(table).rows() == monitor.rows
    with pytest.raises(
        InputError, match=r"another training: delete the file, or name a new one .* fit in Keras, .* in Lightning"
    ):
        MutualInformationMonitor(model, X, ("first", "last"), table=table).measure(0)


def test_an_epoch_that_is_measured_again_has_its_rows_replaced(tmp_path):
    table = tmp_path / "table.jsonl"
    model = network()
    monitor = MutualInformationMonitor(model, X, ("first", "last"), bn="inference", table=table)
    for epoch in (0, 1, 0):
        monitor.measure(epoch, loss=epoch)
        torch.nn.init.normal_(model.first[0].weight)
    again = monitor.rows
    assert [row.epoch for row in again] == [0, 1]
    assert again == Table(table).rows()
    monitor.measure(0)
    assert [row.mi != before.mi for row, before in zip(monitor.rows, again, strict=True)] == [True, False]
    later = MutualInformationMonitor(model, X, ("first", "last"), bn="inference", table=table)
    later.measure(2)
    later.measure(1)  # of the rows that another run has written
    assert [row.epoch for row in Table(table).rows()] == [0, 1, 2]
    assert [row.epoch for row in later.rows] == [1, 2]


def test_epochs_may_be_numbers_of_numpy(tmp_path):
    monitor = MutualInformationMonitor(network(), X, ("first", "last"), table=tmp_path / "mi.jsonl", bn="inference")
    for epoch in np.arange(2):
        monitor.measure(epoch)
    assert Table(tmp_path / "mi.jsonl").rows() == monitor.rows


def test_schedules_samples_and_seeds():
    monitor = MutualInformationMonitor(network(), X, ("first", "last"), every=(0, 2), samples=60, seed=1, bn="inference")
    assert [bool(monitor.measure(epoch)) for epoch in range(4)] == [True, False, True, False]
    assert {row.n_samples for row in monitor.rows} == {60}
    assert len(set(monitor.indices)) == 60


# Models of any kind


class Several(torch.nn.Module):
    """Calls a module twice, has one that gives tuples within a dict, and takes two inputs."""

    def __init__(self):
        super().__init__()
        self.act = torch.nn.Tanh()
        self.one, self.two = torch.nn.Linear(6, 6), torch.nn.Linear(6, 3)
        self.lstm = torch.nn.LSTM(3, 4, batch_first=True)
        self.pack = Packing()

    def forward(self, a, b):
        hidden = self.act(self.two(self.act(self.one(torch.cat([a, b], dim=1)))))
        return self.pack(self.lstm(hidden[:, None])[0][:, 0])


class Packing(torch.nn.Module):
    def forward(self, x):
        return {"state": (x, None), "logits": x[:, :2]}


@pytest.mark.parametrize("data", [{"a": X[:, :2], "b": X[:, 2:], "labels": Y}, ([X[:, :2], X[:, 2:]], Y)], ids=["dict", "list"])
def test_calls_outputs_and_inputs_are_told_apart(data):
    torch.manual_seed(1)
    model = Several()
    pairs = [("act:0", "act:1"), ("lstm[0]", "pack[state.0]"), ("input", "pack[logits]")]
    monitor = MutualInformationMonitor(model, data, pairs)
    with warnings.catch_warnings():  # a layer with one time step keeps it
        logged = monitor.measure(0)
    with torch.no_grad():
        first = torch.tanh(model.one(X))
        second = torch.tanh(model.two(first))
    assert monitor.rows[0].mi == close(mi_core.mutual_information(first, second).mi)
    assert [(row.dim_x, row.dim_y) for row in monitor.rows] == [(6, 3), (4, 4), (6, 2)]
    assert 0 < logged["error"] < 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("act", "layer 'act' is called 2 times in one pass: say which call, act:0 or act:1"),
        ("pack", r"layer 'pack' gives 2 arrays: say which, pack\[state.0\] or pack\[logits\]"),
        ("lstm[1.0]", r"'lstm\[1.0\]' has shape \(1, 120, 4\) for 120 samples"),
        ("lstm[2]", r"there is no 'lstm\[2\]'"),
    ],
)
def test_places_that_are_no_one_array(name, message):
    with pytest.raises(InputError, match=message):
        MutualInformationMonitor(Several(), [X[:, :2], X[:, 2:]], [("input", name)]).measure(0)


class Images(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 3, 1)
        self.conv1 = torch.nn.Conv1d(3, 4, 1)
        self.tokens = torch.nn.Linear(4, 5)

    def forward(self, x):
        hidden = self.conv1(torch.tanh(self.conv(x)).flatten(2))
        return self.tokens(hidden.transpose(1, 2)).mean(dim=1)


def test_positions_have_their_units_last():
    images = torch.randn((60, 2, 3, 3), generator=GENERATOR)
    model = Images()
    pairs = [("conv", "conv1"), ("conv1", "tokens")]
    monitor = MutualInformationMonitor(model, images, pairs, positions="samples")
    monitor.measure(0)
    with torch.no_grad():
        conv = model.conv(images).movedim(1, -1).reshape(-1, 3)
    heard, _ = Probe(model, ["conv1", "tokens"], 60)(images.numpy(), "inference")
    conv1, tokens = heard["conv1"].movedim(1, -1).reshape(-1, 4), heard["tokens"].reshape(-1, 5)
    groups = np.repeat(np.arange(60), 9)
    for row, sides in zip(monitor.rows, [(conv, conv1), (conv1, tokens)], strict=True):
        assert row.mi == close(mi_core.mutual_information(*sides, groups=groups).mi)
    pooled = MutualInformationMonitor(model, images, [("conv", "tokens")], positions="mean")
    pooled.measure(0)
    assert pooled.rows[0].mi == close(
        mi_core.mutual_information(conv.reshape(60, 9, 3).mean(1), tokens.reshape(60, 9, 5).mean(1)).mi
    )


def test_units_of_images_are_their_channels():
    images = torch.randn((60, 2, 3, 3), generator=GENERATOR)
    model = Images()
    for positions, given in [("mean", images.mean((2, 3))), ("first", images[:, :, 0, 0])]:
        monitor = MutualInformationMonitor(model, images, ("input", "tokens"), positions=positions)
        monitor.measure(0)
        tokens = Probe(model, ["tokens"], 60)(images.numpy(), "inference")[0]["tokens"]
        tokens = tokens.mean(1) if positions == "mean" else tokens[:, 0]
        assert monitor.rows[0].mi == close(mi_core.mutual_information(given, tokens).mi)


def test_data_loaders_and_data_sets_are_read_without_a_trace():
    whole = torch.utils.data.TensorDataset(X, Y)
    generator = torch.Generator().manual_seed(2)
    loader = torch.utils.data.DataLoader(whole, batch_size=50, shuffle=True, generator=generator)
    model = network()
    states = torch.get_rng_state(), generator.get_state()
    monitors = [MutualInformationMonitor(model, data, [("first", "labels")]) for data in ((X, Y), whole, loader)]
    assert_same([torch.get_rng_state(), generator.get_state()], states)
    shuffled = monitors.pop()
    assert shuffled.measure(0)["error"] == close(monitors[0].measure(0)["error"])
    np.testing.assert_array_equal(np.sort(shuffled.x, axis=0), np.sort(X, axis=0))
    np.testing.assert_array_equal(monitors[1].x, X)
    assert monitors[1].measure(0)["mi_first_labels"] == monitors[0].rows[0].mi


def test_the_precision_of_the_model_is_taken():
    def heard(model, x):
        return Probe(model, ["last"], 120)(x.numpy(), "inference")[0]["last"]

    torch.testing.assert_close(heard(network(), X.double()), heard(network(), X), rtol=0, atol=0)
    half = network().bfloat16().eval()
    with torch.no_grad():
        expected = half.last(half.first(X.bfloat16()))
    torch.testing.assert_close(heard(half, X), expected.float(), rtol=0, atol=0)


def test_weights_under_autocast_keep_their_gradients():
    model = network()
    monitor = MutualInformationMonitor(model, X, ("first", "last"), bn="inference")
    with torch.autocast("cpu", torch.bfloat16):
        monitor.measure(0)
        model(X).float().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert Probe(model, ["last"], 120)(X.numpy(), "inference")[0]["last"].dtype == torch.float32


@pytest.mark.parametrize("wrap", [lambda model: torch.compile(model, backend="eager"), torch.nn.DataParallel])
def test_wrapped_models_are_read_through(wrap):
    model = network()
    monitor = MutualInformationMonitor(wrap(model), X, ("first", "last"))
    monitor.measure(0)
    expected = MutualInformationMonitor(model, X, ("first", "last"))
    expected.measure(0)
    assert [row.mi for row in monitor.rows] == [row.mi for row in expected.rows]


def test_compiled_inner_modules_are_heard():
    compiled = []

    def backend(graph, _inputs):
        compiled.append(graph)
        return graph.forward

    torch.manual_seed(0)
    inner = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh())
    model = torch.nn.Sequential(torch.compile(inner, backend=backend), torch.nn.Linear(5, 2))
    model.compile(backend=backend)
    model(X)
    monitor = MutualInformationMonitor(model, X, ("0.0", "1"))
    before = len(compiled)
    monitor.measure(0)
    assert len(compiled) == before > 0  # another version of a graph would count against Torch's limit of them
    assert monitor.rows[0].mi == close(mi_core.mutual_information(inner[0](X), model[1](inner(X))).mi)


def test_layers_inside_fused_attention_are_heard():
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    tokens = torch.randn((60, 4, 8), generator=GENERATOR)
    monitor = MutualInformationMonitor(layer, tokens, [("linear1", "linear2")], positions="first")
    monitor.measure(0)
    assert monitor.rows[0].mi is not None


class Padded(torch.nn.Module):
    """An encoder that packs sentences of several lengths into one nested tensor, where it may."""

    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(20, 8, padding_idx=0)
        self.encoder = torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)

    def forward(self, x):
        return self.encoder(self.embed(x), src_key_padding_mask=x == 0)


@pytest.mark.parametrize("layers", [("encoder.layers.0", "encoder.layers.1"), ("embed", "encoder")])
@pytest.mark.parametrize("is_fast", [True, False])
def test_encoders_of_padded_sentences_are_heard_and_fast_again(layers, is_fast):
    torch.manual_seed(0)
    model = Padded()
    tokens = torch.randint(1, 20, (60, 5), generator=GENERATOR)
    tokens[::3, 3:] = 0
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(is_fast)
    try:
        monitor = MutualInformationMonitor(model, tokens, layers, positions="first", batch_size=50)
        assert monitor.measure(0)[f"mi_{layers[0]}_{layers[1]}"] > 0
        assert torch.backends.mha.get_fastpath_enabled() == is_fast
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


# What goes wrong


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (network(), {"layers": ("first", "lats")}, "the model has no layer 'lats': it has first, first.0.*did you mean last"),
        (network(), {"layers": ("last", "labels")}, "layers names labels, and data has none"),
        (torch.nn.LazyLinear(3), {"layers": ("a", "b")}, "has no layer"),
        (torch.nn.Sequential(torch.nn.LazyLinear(3), torch.nn.Tanh()), {"layers": ("0", "1")}, "0.weight has no values yet"),
        (len, {}, "model is builtin_function_or_method: give a torch.nn.Module"),
        (network(), {"forward": 3}, "forward is 3: give a function"),
        (network(), {"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_wrong_arguments(model, options, message):
    with pytest.raises(InputError, match=message):
        MutualInformationMonitor(model, X, **{"layers": ("first", "last"), **options})


def test_text_is_no_input():
    with pytest.raises(InputError, match="data has dtype <U1: give numbers"):
        MutualInformationMonitor(network(), np.array(["a"] * 120), ("first", "last"))


def test_options_that_do_not_exist_are_named():
    with pytest.raises(TypeError, match=r"MutualInformationMonitor\(\) got an unexpected keyword argument 'evry'"):
        MutualInformationMonitor(network(), X, ("first", "last"), evry=3)


def test_a_model_is_named_before_it_is_measured():
    monitor = MutualInformationMonitor(None, X, ("first", "last"))
    with pytest.raises(InputError, match="no model is named"):
        monitor.measure(0)
    monitor.attach(network())
    assert monitor.measure(0)
    with pytest.raises(InputError, match="epoch is -1"):
        monitor.measure(-1)


def test_a_diverged_model_is_recorded():
    model = network()
    monitor = MutualInformationMonitor(model, X, ("first", "last"), bn="inference")
    with torch.no_grad():
        model.last.weight.fill_(torch.nan)
    assert "mi_first_last" not in monitor.measure(0)
    assert monitor.rows[0].mi is None
    assert "NaN" in monitor.rows[0].notes[0]
    assert "drop" not in monitor.rows[0].notes[0]  # which a monitor cannot


ALONE = """
import sys
import torch
from trainer.pytorch import MutualInformationMonitor
print([name for name in ("keras", "tensorflow", "jax", "transformers", "lightning") if name in sys.modules])
"""


def test_keras_is_not_loaded_beside_torch():
    finished = subprocess.run([sys.executable, "-c", ALONE], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert finished.stdout == "[]\n"


def test_examples_in_docstrings():
    from trainer import layer_names, pytorch

    assert [doctest.testmod(module) for module in (layer_names, pytorch)] == [(0, 2), (0, 6)]


# In other people's trainers


def in_lightning(folder, *callbacks, epochs=2, checkpoint=None, logs=lambda epoch: {}):
    """A module trained by Lightning, which logs its loss and these values too, and the trainer."""
    pl = pytest.importorskip("lightning.pytorch")

    class Module(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = network()

        def forward(self, x):
            return self.network(x)

        def training_step(self, batch, _):
            loss = torch.nn.functional.cross_entropy(self(batch[0]), batch[1])
            self.log("loss", loss)
            self.log_dict(logs(self.current_epoch), on_step=False, on_epoch=True)
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    pl.seed_everything(1, verbose=False)
    module = Module()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=40, shuffle=True)
    saves = any(isinstance(callback, pl.callbacks.ModelCheckpoint) for callback in callbacks)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": saves, "logger": False}
    trainer = pl.Trainer(max_epochs=epochs, accelerator="cpu", callbacks=list(callbacks), default_root_dir=folder, **quiet)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers
        trainer.fit(module, loader, ckpt_path=checkpoint)
    return module, trainer


def of_lightning(**options):
    pytest.importorskip("lightning.pytorch")
    from trainer.lightning import MutualInformationCallback

    return MutualInformationCallback((X, Y), ("network.first", "network.last"), bn="inference", quiet=True, **options)


def test_lightning_logs_it_and_trains_as_before(tmp_path):
    measuring = of_lightning()
    module, trainer = in_lightning(tmp_path, measuring)
    plain, _ = in_lightning(tmp_path)
    assert_same(list(module.state_dict().values()), list(plain.state_dict().values()))
    assert [row.epoch for row in measuring.rows] == [0, 1, 2]
    assert float(trainer.callback_metrics["mi_network.first_network.last"]) == close(measuring.rows[-1].mi)
    assert measuring.rows[-1].logs["loss"] > 0


def test_in_lightning_what_others_log_stays_and_rows_have_it_alone(tmp_path):
    measuring = of_lightning()
    _, trainer = in_lightning(tmp_path, measuring, epochs=3, logs=lambda epoch: {"error": 5.0 + epoch} if epoch else {})
    assert float(trainer.callback_metrics["error"]) == 7
    assert [row.logs.get("error") for row in measuring.rows] == [None, None, 6, 7]
    assert set(measuring.rows[-1].logs) == {"loss", "error"}


def test_lightning_goes_on_within_the_first_epoch(tmp_path):
    pl = pytest.importorskip("lightning.pytorch")
    table = tmp_path / "mi.jsonl"
    saving = pl.callbacks.ModelCheckpoint(tmp_path, "first", every_n_train_steps=2)
    in_lightning(tmp_path, of_lightning(table=table), saving, epochs=1)
    measuring = of_lightning(table=table)
    in_lightning(tmp_path, measuring, checkpoint=tmp_path / "first.ckpt")
    assert [row.epoch for row in measuring.rows] == [1, 2], "an epoch 0 would be of a trained network"
    assert [row.epoch for row in Table(table).rows()] == [0, 1, 2]


TOKENS = torch.randint(0, 20, (48, 5), generator=GENERATOR)
LONG = (TOKENS[:, 0] > 9).long()


def in_hugging_face(folder, *callbacks, checkpoint=None, **options):
    """The trainer of transformers, after training."""
    transformers = pytest.importorskip("transformers")
    data = [{"input_ids": ids, "labels": label} for ids, label in zip(TOKENS, LONG, strict=True)]
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    transformers.set_seed(1)
    model = transformers.BertForSequenceClassification(
        transformers.BertConfig(vocab_size=20, max_position_embeddings=8, **sizes)
    )
    usual = {"num_train_epochs": 2, "per_device_train_batch_size": 16, "save_strategy": "no", "logging_steps": 1}
    arguments = transformers.TrainingArguments(
        output_dir=str(folder), report_to=[], use_cpu=True, disable_tqdm=True, **usual | options
    )
    trainer = transformers.Trainer(model, arguments, train_dataset=data, eval_dataset=data, callbacks=list(callbacks))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train(resume_from_checkpoint=checkpoint)
    return trainer


def of_hugging_face(layers=("bert.encoder.layer.0", "bert.encoder.layer.1"), **options):
    pytest.importorskip("transformers")
    from trainer.huggingface import MutualInformationCallback

    return MutualInformationCallback({"input_ids": TOKENS, "labels": LONG}, layers, positions="first", quiet=True, **options)


def test_hugging_face_logs_it_and_trains_as_before(tmp_path):
    measuring = of_hugging_face(("bert.encoder.layer.0", "bert.encoder.layer.1", "labels"))
    trainer = in_hugging_face(tmp_path, measuring)
    plain = in_hugging_face(tmp_path)
    assert_same(list(trainer.model.state_dict().values()), list(plain.model.state_dict().values()))
    assert sorted({row.epoch for row in measuring.rows}) == [0, 1, 2]
    assert measuring.rows[-1].logs["loss"] > 0
    assert 0 <= measuring.rows[-1].error <= 1
    logged = [
        entry["mi_bert.encoder.layer.0_bert.encoder.layer.1"] for entry in trainer.state.log_history if "mi_seconds" in entry
    ]
    assert logged == [row.mi for row in measuring.rows if row.epoch and row.y == "bert.encoder.layer.1"]


def test_hugging_faces_rows_have_what_is_logged_on_their_epoch(tmp_path):
    table = tmp_path / "mi.jsonl"
    measuring = of_hugging_face(table=table)
    trainer = in_hugging_face(tmp_path, measuring, num_train_epochs=3, logging_strategy="epoch", eval_strategy="epoch")
    for name in ("loss", "eval_loss"):
        logged = [entry[name] for entry in trainer.state.log_history if name in entry]
        assert [row.logs.get(name) for row in measuring.rows] == [None, *logged]
        assert [row.logs.get(name) for row in Table(table).rows()] == [None, *logged]
    before = dict(measuring.rows[-1].logs)
    assert not {"train_loss", "mi_seconds"} & set(before)
    trainer.evaluate()
    assert measuring.rows[-1].logs == before


def test_hugging_faces_rows_have_nothing_of_earlier_epochs(tmp_path):
    measuring = of_hugging_face(every=[3])
    in_hugging_face(tmp_path, measuring, num_train_epochs=4, logging_strategy="no", eval_strategy="steps", eval_steps=5)
    assert measuring.rows[0].logs == {}, "values are of epochs 2 and 4 alone"


def test_hugging_face_goes_on_within_the_first_epoch(tmp_path):
    table = tmp_path / "mi.jsonl"
    in_hugging_face(tmp_path, of_hugging_face(table=table), save_strategy="steps", save_steps=2, num_train_epochs=1)
    measuring = of_hugging_face(table=table)
    in_hugging_face(tmp_path, measuring, checkpoint=str(tmp_path / "checkpoint-2"))
    assert [row.epoch for row in measuring.rows] == [1, 2], "an epoch 0 would be of a trained network"
    assert [row.epoch for row in Table(table).rows()] == [0, 1, 2]
