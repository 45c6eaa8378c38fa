"""Of a folder only data becomes a model: what may run is refused by its name, and named."""

from __future__ import annotations

import json
import os
import pickle
import zipfile

import pytest

from inference.registry.refused import ImportRefused
from inference.registry.survey import survey
from tests.inference.registry import making


@pytest.fixture
def folder(tmp_path):
    return making.model(tmp_path / "model")


def refused(folder):
    with pytest.raises(ImportRefused) as caught:
        survey(folder)
    return caught.value.reason, caught.value.file


def test_a_models_files_are_taken_and_pictures_and_hidden_files_left_out(folder):
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text("{}")
    found = survey(folder)
    assert sorted(found.files) == [
        *("1_Pooling/config.json", "LICENSE", "config.json"),
        *("model.safetensors", "tokenizer.json"),
    ]
    assert found.left_out == [".gitattributes", "figure.png"]
    assert found.weights == ["model.safetensors"]


@pytest.mark.parametrize(
    "name",
    [
        *("pytorch_model.bin", "model.pt", "weights.PTH", "optimizer.pkl", "last.ckpt"),
        *("vectors.npy", "data.joblib", "original/consolidated.00.pth"),
    ],
)
def test_a_file_that_is_called_as_pickles_are_is_refused(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"harmless")
    assert refused(folder) == ("pickle", name)


@pytest.mark.parametrize("name", ["modeling_deepseek.py", "kernel.so", "run.SH", "x.ipynb"])
def test_a_file_that_is_called_as_code_is_is_refused(folder, name):
    (folder / name).write_bytes(b"harmless")
    assert refused(folder) == ("code", name)


def disguised(path, kind):
    content = {"weights": [1, 2, 3]}
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(content))
    elif kind == "gzip":
        path.write_bytes(b"\x1f\x8b\x08")
    elif kind == "global":
        path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    else:
        path.write_bytes(pickle.dumps(content, protocol=int(kind)))


@pytest.mark.parametrize("kind", ["0", "2", "3", "4", "5", "zip", "gzip", "global"])
@pytest.mark.parametrize("name", ["tokenizer.model", "notes.txt", "LICENSE.md"])
def test_a_pickle_by_any_other_name_is_refused(folder, kind, name):
    disguised(folder / name, kind)
    assert refused(folder) == ("pickle", name)


@pytest.mark.parametrize("kind", ["2", "4", "zip"])
@pytest.mark.parametrize("name", ["more.safetensors", "more.gguf", "more.json"])
def test_a_pickle_that_is_called_as_weights_or_json_are_is_refused(folder, kind, name):
    disguised(folder / name, kind)
    assert refused(folder)[1] == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("config.json", {"auto_map": {"AutoModel": "modeling_x.X"}}),
        ("config.json", {"text_config": {"deeper": [{"auto_map": {"A": "b.C"}}]}}),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["t.T", None]}}),
        ("preprocessor_config.json", {"auto_map": {"AutoProcessor": "p.P"}}),
        ("tokenizer.json", {"auto_map": {"A": "b.C"}}),
        ("generation_config.json", {"trust_remote_code": True}),
        ("config.json", {"custom_pipelines": {"x": {"impl": "x.X"}}}),
    ],
)
def test_a_file_that_asks_for_code_of_the_models_own_is_refused(folder, name, said):
    (folder / name).write_text(json.dumps(said))
    assert refused(folder) == ("code", name)


def test_a_member_that_asks_for_nothing_is_no_code(folder):
    (folder / "config.json").write_text('{"auto_map": {}, "trust_remote_code": false}')
    assert "config.json" in survey(folder).files


def test_links_out_of_the_folder_and_within_are_refused(folder, tmp_path):
    (tmp_path / "elsewhere").write_text("{}")
    (folder / "extra.json").symlink_to(tmp_path / "elsewhere")
    assert refused(folder) == ("link", "extra.json")
    (folder / "extra.json").unlink()
    (folder / "again.json").symlink_to("config.json")
    assert refused(folder) == ("link", "again.json")
    (folder / "again.json").unlink()
    (folder / "below").symlink_to(tmp_path)
    assert refused(folder) == ("link", "below")


def test_what_is_no_regular_file_is_refused(folder):
    os.mkfifo(folder / "pipe.json")
    assert refused(folder) == ("link", "pipe.json")


def test_names_that_no_file_of_a_model_has_are_refused(folder):
    (folder / "a\nb.json").write_text("{}")
    assert refused(folder) == ("name", "a\nb.json")


def test_weights_whose_name_no_engine_looks_for_are_refused(folder):
    (folder / "model.safetensors").rename(folder / "model.SafeTensors")
    assert refused(folder) == ("name", "model.SafeTensors")


def test_json_that_is_none_is_refused(folder):
    (folder / "config.json").write_text("{")
    assert refused(folder) == ("format", "config.json")
    (folder / "config.json").write_text("[" * 100_000 + "]" * 100_000)
    assert refused(folder) == ("format", "config.json")


def test_a_text_of_too_many_bytes_is_refused(folder):
    with (folder / "notes.txt").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    assert refused(folder) == ("too_large", "notes.txt")


def test_a_folder_without_weights_is_refused(folder):
    (folder / "model.safetensors").unlink()
    assert refused(folder) == ("format", "")


def test_a_truncated_weights_file_is_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert refused(folder) == ("format", "model.safetensors")
