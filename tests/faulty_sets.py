"""Ways to break a saved set of models: name -> what does it, and what the error must say."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile

import numpy as np
import torch


def header(change):
    """Return a fault that changes ``set.json``."""

    def fault(folder):
        content = json.loads((folder / "set.json").read_text())
        change(content)
        (folder / "set.json").write_text(json.dumps(content))

    return fault


def arrays(name, change):
    """Return a fault that changes arrays in a file."""

    def fault(folder):
        with np.load(folder / "1" / name) as file:
            content = dict(file)
        change(content)
        np.savez(folder / "1" / name, **content)

    return fault


def tensors(part, change):
    """Return a fault that changes the tensors of a part of the first model's file."""

    def fault(folder):
        path = folder / "1" / "hand_0.zip"
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        content = torch.load(io.BytesIO(files[part]), weights_only=True)
        content = change(content) or content
        buffer = io.BytesIO()
        torch.save(content, buffer)
        files[part] = buffer.getvalue()
        with zipfile.ZipFile(path, "w") as archive:
            for name, value in files.items():
                archive.writestr(name, value)

    return fault


def without(key):
    """Return a change that takes an entry away."""

    def change(content):
        del content[key]
        return content

    return change


def missing(name):
    return lambda folder: (folder / name).unlink()


def cut(name, share=0.6):
    def fault(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * share)])

    return fault


def flipped(name):
    def fault(folder):
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 255
        (folder / name).write_bytes(content)

    return fault


def linked(name):
    def fault(folder):
        away = folder.parent / "away"
        shutil.move(folder / name, away)
        os.symlink(away, folder / name)

    return fault


def player(key, value, name="hand_1"):
    return header(lambda content: content["players"][name].__setitem__(key, value))


def counter(key, value, name="hand_1"):
    return header(lambda content: content["players"][name]["counters"].__setitem__(key, value))


def entry(key, value):
    return header(lambda content: content.__setitem__(key, value))


class Code:
    def __reduce__(self):
        return os.mkdir, ("executed",)


FIRST = "mlp_extractor.policy_net.0.weight"
FAULTS = {
    "no header": (missing("set.json"), r"set\.json is missing"),
    "header cut": (cut("set.json"), r"set\.json cannot be loaded"),
    "header of bytes": (lambda f: (f / "set.json").write_bytes(b"\xff\xfe"), "cannot be loaded"),
    "header nested": (lambda f: (f / "set.json").write_text("[" * 10**5), "cannot be loaded"),
    "header a list": (lambda f: (f / "set.json").write_text("[]"), "has format None"),
    "header of a later version": (entry("format", 2), "has format 2, this version reads 1"),
    "generation leads out": (
        entry("generation", "../../x"),
        r"generation must be 1 or more, got '",
    ),
    "generation true": (entry("generation", True), "generation must be 1 or more, got True"),
    "generation beyond": (entry("generation", 7), r"7/randomness\.npz is missing"),
    "calls negative": (entry("calls", -1), "calls must be 0 or more, got -1"),
    "calls missing": (header(lambda c: c.pop("calls")), "calls must be 0 or more, got None"),
    "players a list": (entry("players", []), "players must say the kind"),
    "player a word": (header(lambda c: c["players"].update(hand_1="DQN")), "must say the kind"),
    "player of another kind": (player("kind", "PPO"), "holds PPO for hand_1, this set has DQN"),
    "player unknown": (
        header(lambda c: c["players"].update({"../x": {"kind": "PPO"}})),
        r"holds PPO for \.\./x, this set has no such player",
    ),
    "player missing": (header(lambda c: c["players"].pop("hand_0")), "holds nothing for hand_0"),
    "counter of no model": (counter("tensorboard_log", "/x"), "counters must be those of"),
    "counter of code": (counter("__class__", 1), "counters must be those of"),
    "counter missing": (player("counters", {}), "counters must be those of"),
    "counter a list": (player("counters", []), "counters must be those of"),
    "counter a word": (counter("num_timesteps", "1"), "num_timesteps must be a whole number >= 0"),
    "counter negative": (counter("_n_updates", -3), "_n_updates must be a whole number >= 0"),
    "counter 1e400": (counter("exploration_rate", float("inf")), r"must be in \[0, 1\], got inf"),
    "generator nothing": (player("action_space", None), "not the state of a generator"),
    "generator of others": (player("action_space", {"bit_generator": "MT19937"}), "not the state"),
    "no weights": (missing("1/hand_0.zip"), r"hand_0\.zip is missing"),
    "no arrays": (missing("1/hand_1.npz"), r"hand_1\.npz is missing"),
    "no randomness": (missing("1/randomness.npz"), r"randomness\.npz is missing"),
    "no folder": (
        lambda f: shutil.rmtree(f / "1"),
        "is missing: the set of models is not complete",
    ),
    "weights cut": (cut("1/hand_1.zip"), r"hand_1\.zip cannot be loaded"),
    "weights empty": (cut("1/hand_0.zip", 0), r"hand_0\.zip cannot be loaded"),
    "weights flipped": (flipped("1/hand_0.zip"), r"hand_0\.zip cannot be loaded"),
    "arrays cut": (cut("1/hand_1.npz"), r"hand_1\.npz cannot be loaded"),
    "arrays flipped": (flipped("1/hand_1.npz"), r"hand_1\.npz cannot be loaded"),
    "randomness cut": (cut("1/randomness.npz", 0.9), r"randomness\.npz cannot be loaded"),
    "a folder for a file": (
        lambda f: ((f / "1/hand_0.zip").unlink(), (f / "1/hand_0.zip").mkdir()),
        r"hand_0\.zip",
    ),
    "a link to a file elsewhere": (linked("1/hand_0.zip"), "a link that leads out of the folder"),
    "a link to a folder elsewhere": (linked("1"), "a link that leads out of the folder"),
    "weights of code": (
        lambda f: np.savez(f / "1/hand_1.npz", x=np.array([Code()], object)),
        "allow_pickle=False",
    ),
    "a weight of another shape": (
        tensors("policy.pth", lambda c: c.update({FIRST: torch.zeros(2, 2)})),
        r"policy_net\.0\.weight must be torch\.float32 \(64, 1\), got torch\.float32 \(2, 2\)",
    ),
    "a weight of another type": (
        tensors("policy.pth", lambda c: c.update({FIRST: c[FIRST].double()})),
        r"got torch\.float64 \(64, 1\)",
    ),
    "a weight that is no tensor": (
        tensors("policy.pth", lambda c: c.update({FIRST: [1.0]})),
        "must be a tensor, got list",
    ),
    "a weight missing": (
        tensors("policy.pth", without(FIRST)),
        "must be those of",
    ),
    "a weight too many": (
        tensors("policy.pth", lambda c: c.update(more=torch.zeros(1))),
        "policy must be those of",
    ),
    "a list for weights": (tensors("policy.pth", lambda c: [1]), "policy must be those of"),
    "variables of no model": (
        tensors("pytorch_variables.pth", lambda c: {"gamma": torch.ones(1)}),
        "variables must be those of",
    ),
    "an optimiser's group missing": (
        tensors("policy.optimizer.pth", lambda c: c.update(param_groups=[])),
        "must have 1 groups",
    ),
    "an optimiser's rate a word": (
        tensors("policy.optimizer.pth", lambda c: c["param_groups"][0].update(lr="fast")),
        r"lr must be like",
    ),
    "an optimiser's moment of another shape": (
        tensors("policy.optimizer.pth", lambda c: c["state"][0].update(exp_avg=torch.ones(1))),
        r"state\.exp_avg must be",
    ),
    "an optimiser's moment missing": (
        tensors("policy.optimizer.pth", lambda c: without("exp_avg")(c["state"][0]) and c),
        r"state must be those of",
    ),
    "an optimiser of others": (
        tensors("policy.optimizer.pth", lambda c: c["state"].update({99: {}})),
        "must be of 9 parameters|must be of 8 parameters|must be of 6 parameters",
    ),
    "a buffer beyond its end": (
        arrays("hand_1.npz", lambda c: c.update(buffer_at=np.array([20, 0]))),
        r"buffer_at is \[20, 0\], the buffer holds 20",
    ),
    "a buffer of fewer rows": (
        arrays("hand_1.npz", lambda c: c.update({"buffer/rewards": c["buffer/rewards"][:3]})),
        r"'buffer/rewards' must be float32 \(16, 1\), got float32 \(3, 1\)",
    ),
    "a buffer of another type": (
        arrays("hand_1.npz", lambda c: c.update({"buffer/dones": c["buffer/dones"].astype(int)})),
        r"'buffer/dones' must be float32",
    ),
    "an array missing": (
        arrays("hand_1.npz", lambda c: c.pop("buffer/actions")),
        "'buffer/actions' is missing",
    ),
    "an array too many": (
        arrays("hand_0.npz", lambda c: c.update(x=np.ones(1))),
        "'x' is unknown",
    ),
    "statistics of another shape": (
        arrays("hand_0.npz", lambda c: c.update({"statistics/observation/mean": np.ones(7)})),
        r"mean' must be float64 \(1,\), got float64 \(7,\)",
    ),
    "a generator beyond its end": (
        arrays("randomness.npz", lambda c: c.update(numpy_at=np.array([10**6, 0]))),
        "numpy_at must be a place up to 624",
    ),
    "a generator too short": (
        arrays("randomness.npz", lambda c: c.update(python=c["python"][:9])),
        r"'python' must be uint64 \(625,\)",
    ),
    "a generator of another place": (
        arrays("randomness.npz", lambda c: c["python"].__setitem__(624, 9999)),
        r"randomness\.npz cannot be loaded",
    ),
    "a generator missing": (
        arrays("randomness.npz", lambda c: c.pop("torch")),
        "states must be those of",
    ),
}
