"""From a folder or a bundle to a model that serves, and every way in which it is refused."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.core.management import call_command
from django.core.management.base import CommandError

from compliance.audit.catalogue import unknown
from compliance.audit.keys import create_key, read_key
from compliance.models import Change, Event
from inference.models import AdapterGrant, Deployment, Model, Node
from inference.registry import (
    ManifestRefused,
    ModelUnknown,
    ModelUnusable,
    WeightsChanged,
    WeightsMissing,
    find,
    held,
)
from inference.registry.intake import Intake
from tests.compliance.admin import stories
from tests.inference.registry import making

CONFIG = "config.json"
VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


@pytest.fixture
def data(database, settings, tmp_path):
    """A gateway's data folder, with its keys."""
    data: Path = tmp_path / "data"
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=data)
    key = Ed25519PrivateKey.from_private_bytes(create_key(data / "keys" / "gateway.ed25519"))
    (data / "keys" / "gateway.pub").write_text(key.public_key().public_bytes_raw().hex())
    return data


@pytest.fixture
def source(tmp_path):
    return making.model(tmp_path / "source")


def keys(data):
    key = Ed25519PrivateKey.from_private_bytes(read_key(data / "keys" / "gateway.ed25519"))
    return [key.public_key().public_bytes_raw()]


def models(*arguments, **options):
    out = io.StringIO()
    call_command("models", *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def take(source, name="tiny", *more):
    given = ("--licence", "Apache-2.0", "--origin", "org/tiny")
    return models("import", source, "--name", name, *given, *more)


def take_adapter(source, name="tiny:claims", *more):
    return take(source, name, "--adapter-of", name.partition(":")[0], *more)


def recorded(kind):
    found = Event.objects.filter(type=kind).order_by("id")
    details = [json.loads(bytes(event.detail or b"")) for event in found]
    assert not [one for detail in details for one in unknown(kind, detail)]
    return details


def refused(arguments, *, file, reason, name="tiny"):
    """That the command refuses, names the file, leaves nothing, and that the record says so."""
    before = Model.objects.count()
    with pytest.raises(CommandError) as caught:
        arguments()
    assert file in str(caught.value)
    detail = recorded("model.import_refused")[-1]
    assert (detail["model"], detail["file"], detail["reason"]) == (name, file, reason)
    assert Model.objects.count() == before
    return str(caught.value)


@pytest.mark.database
def test_a_folder_becomes_a_model_with_every_file_in_a_signed_manifest(data, source):
    said = take(source, "tiny", "--option", "max_model_len=1024", "--progress")
    assert "100 %" in said
    row = Model.objects.get()
    assert row.digest in said
    assert (row.engine, row.task, row.architecture) == ("vllm", "chat", "LlamaForCausalLM")
    assert (row.context_length, row.licence_accepted) == (1024, None)
    assert row.licence_text == making.APACHE
    [detail] = recorded("model.registered")
    assert (detail["digest"], detail["bytes"], detail["method"]) == (
        row.digest,
        row.size,
        "none",
    )
    assert not Change.objects.exists()
    entry = find("tiny", data / "models", keys(data))
    entry.check()
    assert (entry.digest, entry.size, entry.options) == (
        row.digest, row.size, {"max_model_len": 1024},
    )  # fmt: skip
    assert not list((data / "models" / ".importing").glob("tiny*[!k]"))
    verified = models("verify", "tiny", "--progress")
    assert "100 %" in verified
    assert "is as it was registered" in verified
    assert "NOT accepted" in models("list")
    assert "option: max_model_len=1024" in models("show", "tiny")


def test_a_gguf_file_becomes_a_model_of_llama_cpp(data, tmp_path):
    folder = tmp_path / "gguf"
    folder.mkdir()
    making.gguf(folder / "tiny.Q4_K_M.gguf")
    (folder / "LICENSE").write_text(making.APACHE)
    take(folder)
    row = Model.objects.get()
    assert (row.engine, row.architecture, row.quantisation) == ("llamacpp", "llama", "Q4_K_M")
    entry = find("tiny", data / "models", keys(data))
    assert entry.path.name == "tiny.Q4_K_M.gguf"
    entry.check()


@pytest.mark.parametrize(
    ("config", "task", "quantisation"),
    [
        ({"architectures": ["BertModel"]}, "embeddings", ""),
        ({"quantization_config": {"quant_method": "awq", "bits": 4}}, "chat", "awq 4 bit"),
        ({"quantization_config": {"quant_method": "fp8"}}, "chat", "fp8"),
        ({"max_position_embeddings": None, "text_config": {"n_positions": 99}}, "chat", ""),
    ],
)
def test_what_a_models_files_say_of_it_is_told(data, tmp_path, config, task, quantisation):
    take(making.model(tmp_path / "one", **config))
    row = Model.objects.get()
    assert (row.task, row.quantisation) == (task, quantisation)
    assert row.context_length == (99 if "text_config" in config else 4096)


@pytest.mark.parametrize(
    "change", ["changed", "grown", "missing", "added", "linked", "manifest"]
)
def test_a_model_that_is_not_as_it_was_registered_is_not_served(data, source, change):
    take(source)
    folder = data / "models" / "tiny"
    path = folder / "model.safetensors"
    file = "model.safetensors"
    expected: type[ModelUnusable] = WeightsChanged
    if change == "changed":
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    elif change == "grown":
        path.write_bytes(path.read_bytes() + b"\x00")
    elif change == "missing":
        path.unlink()
        expected = WeightsMissing
    elif change == "added":
        file = "modeling_new.py"
        (folder / file).write_text("print('hello')")
    elif change == "linked":
        file = "extra.json"
        (folder / file).symlink_to("config.json")
    else:
        file, expected = "manifest.sig", ManifestRefused
        said = (folder / "manifest.json").read_bytes()
        (folder / "manifest.json").write_bytes(said.replace(b'"vllm"', b'"vlln"'))
    with pytest.raises(expected) as caught:
        find("tiny", data / "models", keys(data)).check()
    assert caught.value.file == file
    with pytest.raises(CommandError, match=file):
        models("verify", "tiny")


def test_a_manifest_that_another_gateway_signed_is_not_believed(data, source):
    take(source)
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(ManifestRefused, match="trusted gateway"):
        find("tiny", data / "models", [other])


def test_a_manifest_exchanged_for_an_older_one_is_found_by_its_digest(data, source):
    take(source)
    older = {one.name: one.read_bytes() for one in (data / "models" / "tiny").iterdir()}
    models("remove", "tiny")
    take(source, "tiny", "--note", "newer")
    row = Model.objects.get()
    entry = held("tiny", data / "models", keys(data))
    for name, content in older.items():
        (data / "models" / "tiny" / name).write_bytes(content)
    with pytest.raises(ManifestRefused, match="another one"):
        entry.kept.check("tiny", row.digest)


def test_names_that_are_not_here_are_told_so(data):
    for name in ("tiny", "../etc", "a/b", ""):
        with pytest.raises(ModelUnknown):
            find(name, data / "models", keys(data))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("pytorch_model.bin", b"x", "pickle"),
        ("notes.txt", b"\x80\x04\x95", "pickle"),
        ("modeling_tiny.py", b"", "code"),
        ("config.json", b'{"auto_map": {"AutoConfig": "c.C"}}', "code"),
        ("model.safetensors", b"tampered", "format"),
    ],
)
def test_what_may_run_is_refused_with_the_files_name_and_recorded(
    data, source, name, content, reason
):
    (source / name).write_bytes(content)
    refused(lambda: take(source), file=name, reason=reason)
    assert not (data / "models" / "tiny").exists()


def test_what_the_catalogue_knows_of_a_model_need_not_be_said(data, source):
    fp8 = "RedHatAI/Mistral-7B-Instruct-v0.3-FP8"
    named = ("--catalogue", "mistral-7b-instruct-v0.3")
    models(
        "import", source, "--name", "m", *named, "--origin", fp8, "--option", "max_model_len=9"
    )
    row = Model.objects.get()
    assert (row.licence, row.origin, row.method) == ("Apache-2.0", fp8, "quantised")
    assert row.derived_from == "mistralai/Mistral-7B-Instruct-v0.3"
    chosen = find("m", data / "models", keys(data)).options
    assert chosen == {"tool_call_parser": "mistral", "max_model_len": 9}
    for more, words in (
        (("--catalogue", "mistral-7"), "mistral-7b"),
        ((*named, "--origin", "x/y"), "no repository"),
    ):
        with pytest.raises(CommandError, match=words):
            models("import", source, "--name", "n", *more)


def test_a_file_whose_name_is_no_text_is_refused_and_recorded(data, source):
    Path(os.fsdecode(os.fsencode(source) + b"/evil\xff.pkl")).write_bytes(b"")
    refused(lambda: take(source), file="evil\\udcff.pkl", reason="pickle")


def test_folders_without_end_are_refused_and_recorded(data, source):
    here = source
    for _ in range(40):
        here /= "d"
    here.mkdir(parents=True)
    refused(lambda: take(source), file="d/d/d/d", reason="too_large")


def test_a_licences_text_may_be_given_by_a_link(data, source, tmp_path):
    (tmp_path / "GPL").symlink_to(source / "LICENSE")
    take(source, "tiny", "--licence-file", tmp_path / "GPL")
    assert (data / "models" / "tiny" / "LICENSE.txt").read_text() == making.APACHE


def test_an_index_that_names_a_part_which_is_not_there_is_refused(data, source):
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    part = "model-00001-of-00002.safetensors"
    refused(lambda: take(source), file=part, reason="incomplete")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--option", "trust_remote_code=yes"], "no engine argument"),
        (["--option", "tensor_parallel=two"], "tensor_parallel"),
        (["--option", "gpu_memory_utilization=2.0"], "gpu_memory_utilization"),
        (["--option", "chat_template=../x.jinja"], "chat_template"),
        (["--option", "chat_template=missing.jinja"], "missing.jinja"),
        (["--licence-file", "/dev/null"], "licence"),
        (["--licence", "not a licence!"], "licence"),
        (["--name", "Tiny Model"], "cannot name"),
        (["--name", "smollm2-135m-instruct"], "registered already"),
        (["--adapter-of", "other"], "base:adapter"),
    ],
)
def test_what_is_said_wrongly_of_a_model_is_refused_in_words(data, source, more, words):
    with pytest.raises(CommandError, match=words):
        take(source, "tiny", *more)
    assert not Model.objects.exists()


def test_a_folder_without_a_licences_text_is_refused_until_one_is_given(data, source, tmp_path):
    (source / "LICENSE").unlink()
    refused(lambda: take(source), file="", reason="licence")
    (tmp_path / "TERMS").write_text("Community terms")
    take(source, "tiny", "--licence-file", tmp_path / "TERMS")
    assert Model.objects.get().licence_text == "Community terms"
    assert (data / "models" / "tiny" / "LICENSE.txt").read_text() == "Community terms"


def test_an_adapter_belongs_to_its_base_by_digest_and_comes_with_it(data, source, tmp_path):
    take(source)
    take_adapter(
        making.adapter(tmp_path / "lora"), "tiny:claims", "--note", "On claims of 2025."
    )
    row = Model.objects.get(name="tiny:claims")
    assert row.base is not None
    assert (row.kind, row.base.name, row.method) == ("adapter", "tiny", "adapter")
    [one] = (entry := find("tiny", data / "models", keys(data))).adapters
    assert (one.name, one.options) == ("tiny:claims", {"max_lora_rank": 4})
    entry.check()
    with pytest.raises(ModelUnknown, match="adapter"):
        find("tiny:claims", data / "models", keys(data))
    (data / "models" / "tiny+claims" / "adapter_model.safetensors").write_bytes(b"other")
    with pytest.raises(WeightsChanged):
        entry.check()
    with pytest.raises(CommandError, match="is the base of tiny:claims"):
        models("remove", "tiny")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hidden": 16}, ("base", "made for another model")),
        ({"peft_type": "IA3"}, ("format", "does not describe")),
        ({"use_dora": True}, ("format", "use_dora")),
        ({"modules_to_save": ["lm_head"]}, ("format", "modules_to_save")),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(data, source, tmp_path, changes, told):
    take(source)
    lora = making.adapter(tmp_path / "lora", **changes)
    with pytest.raises(CommandError, match=told[1]):
        take_adapter(lora)
    assert recorded("model.import_refused")[-1]["reason"] == told[0]


@pytest.mark.parametrize(
    "more",
    [
        {"language_model.model.layers.0.self_attn.q_proj.weight": [8, 8]},
        {"model.layers.0.self_attn.q_proj.qweight": [1, 8]},
    ],
)
def test_an_adapter_fits_a_base_that_sees_or_is_packed(data, tmp_path, more):
    """The layers of the part that sees are called the same, and are of another size."""
    sees = {"vision_tower.encoder.layers.0.self_attn.q_proj.weight": [6, 6]}
    take(making.model(tmp_path / "base", sees | more))
    take_adapter(making.adapter(tmp_path / "lora"))
    with pytest.raises(CommandError, match="made for another"):
        take_adapter(making.adapter(tmp_path / "v", at="layers.0.self_attn.v_proj"), "tiny:v")


def test_an_adapter_of_a_model_that_is_not_here_is_refused(data, tmp_path):
    stories.machines()
    lora = making.adapter(tmp_path / "lora")
    for base in ("tiny", "smollm2-135m-instruct"):
        with pytest.raises(CommandError, match="not a model that was imported"):
            take_adapter(lora, f"{base}:claims")
    assert [one["reason"] for one in recorded("model.import_refused")] == ["base", "base"]


def test_an_adapter_of_a_base_that_was_exchanged_is_not_served(data, source, tmp_path):
    take(source)
    take_adapter(making.adapter(tmp_path / "lora"))
    Model.objects.filter(kind="adapter").delete()
    models("remove", "tiny")
    take(source, "tiny", "--note", "another")
    with pytest.raises(ManifestRefused, match="another tiny"):
        find("tiny", data / "models", keys(data))


def test_a_bundle_carries_a_model_to_a_node_and_to_another_appliance(
    data, source, tmp_path, settings
):
    take(source)
    row = Model.objects.get()
    bundle = tmp_path / "tiny.tar"
    models("bundle", "tiny", bundle)
    with pytest.raises(CommandError, match="exists"):
        models("bundle", "tiny", bundle)
    with tarfile.open(bundle) as tar:
        assert tar.getnames()[:2] == ["manifest.json", "manifest.sig"]
    here = keys(data)
    (data / "models").rename(data / "models.before")
    models("place", bundle)
    find("tiny", data / "models", here).check()
    Model.objects.all().delete()
    other = Ed25519PrivateKey.generate()
    (data / "keys" / "gateway.pub").rename(tmp_path / "theirs.pub")
    (data / "keys" / "gateway.ed25519").write_text(other.private_bytes_raw().hex())
    (data / "keys" / "gateway.pub").write_text(other.public_key().public_bytes_raw().hex())
    name = {"file": "manifest.sig", "reason": "signature", "name": "tiny.tar"}
    refused(lambda: models("import", bundle), **name)
    with pytest.raises(CommandError, match="trusted gateway"):
        models("place", bundle)
    models("import", bundle, "--trust", tmp_path / "theirs.pub")
    assert Model.objects.get().digest == row.digest
    assert recorded("model.registered")[-1]["signer"] == here[0].hex()
    find("tiny", data / "models", keys(data)).check()
    with pytest.raises(ManifestRefused):
        find("tiny", data / "models", here)


def test_what_a_licence_restricts_in_the_eu_is_said_of_a_bundle_too(data, source, tmp_path):
    take(source, "tiny", "--eu-restriction", "No EU grant.")
    models("bundle", "tiny", tmp_path / "tiny.tar")
    models("remove", "tiny")
    with pytest.raises(CommandError, match="--name, --option"):
        models("import", tmp_path / "tiny.tar", "--name", "x", "--option", "max_model_len=1")
    models("import", tmp_path / "tiny.tar", "--eu-restriction", "No EU grant.")
    assert Model.objects.get().eu_restriction == "No EU grant."
    said = [detail["eu_restriction"] for detail in recorded("model.registered")]
    assert said == ["No EU grant.", "No EU grant."]


def sparse(path, kind, size):
    """A tar whose first header announces `size` bytes for the reader to take into memory."""
    about = tarfile.TarInfo("././@LongLink")
    about.type, about.size = kind, size
    path.write_bytes(about.tobuf(tarfile.GNU_FORMAT))
    os.truncate(path, size)
    return path


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_no_bundle_is_taken_into_memory_before_its_signature(data, tmp_path, kind):
    size = 2**30
    with pytest.raises(CommandError, match="neither a folder nor a bundle"):
        models("import", sparse(tmp_path / "bomb.tar", kind, size))
    with pytest.raises(CommandError, match="no plain file"):
        models("place", tmp_path / "bomb.tar")


def test_a_chain_of_headers_is_no_bundle(data, tmp_path):
    about = tarfile.TarInfo("././@LongLink")
    about.type = tarfile.GNUTYPE_LONGNAME
    (tmp_path / "chain.tar").write_bytes(about.tobuf(tarfile.GNU_FORMAT) * 3000)
    with pytest.raises(CommandError, match="no plain file"):
        models("place", tmp_path / "chain.tar")


def test_a_bundle_goes_onto_a_disk_that_has_no_links(data, source, tmp_path, monkeypatch):
    take(source)

    def link(_source, target):
        raise PermissionError(1, "Operation not permitted", str(target))

    monkeypatch.setattr(os, "link", link)
    models("bundle", "tiny", tmp_path / "tiny.tar", "--progress")
    models("place", tmp_path / "tiny.tar")
    assert [one.name for one in tmp_path.glob("*tiny.tar*")] == ["tiny.tar"]


def test_a_model_that_changed_is_not_put_into_a_bundle(data, source, tmp_path):
    take(source)
    (data / "models" / "tiny" / "config.json").write_text("{}")
    with pytest.raises(CommandError, match=r"config\.json is not as it was registered"):
        models("bundle", "tiny", tmp_path / "tiny.tar")
    assert not list(tmp_path.glob("*tiny.tar*"))


def rewritten(bundle, change):
    """A copy of a bundle whose members went through `change` (name, content)."""
    copy = bundle.with_name("changed.tar")
    with tarfile.open(bundle) as old, tarfile.open(copy, "w") as new:
        for member in old.getmembers():
            file = old.extractfile(member)
            for name, content in change(member.name, file.read() if file else b""):
                about = tarfile.TarInfo(name)
                about.size = len(content)
                new.addfile(about, io.BytesIO(content))
    return copy


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda n, c: [(n, c[:-1] + b"x" if n == CONFIG else c)], (CONFIG, "changed")),
        (lambda n, c: [(n, c + b"x" if n == CONFIG else c)], (CONFIG, "changed")),
        (lambda n, c: [] if n == CONFIG else [(n, c)], (CONFIG, "incomplete")),
        (lambda n, c: [(f"../{n}" if n == CONFIG else n, c)], (CONFIG, "incomplete")),
        (lambda n, c: [(n, c), (f"{n}.py", c)], ("manifest.sig", "incomplete")),
        (lambda n, c: [(n, c), *([("x", c)] if n[:5] == "token" else [])], ("", "format")),
        (lambda n, c: [(n, c.replace(b"/tiny", b"/tinz"))], ("manifest.sig", "signature")),
    ],
)
def test_a_bundle_that_was_changed_on_its_way_is_refused(data, source, tmp_path, change, told):
    take(source)
    models("bundle", "tiny", tmp_path / "tiny.tar")
    models("remove", "tiny")
    bundle = rewritten(tmp_path / "tiny.tar", change)
    file, reason = told
    refused(lambda: models("import", bundle), file=file, reason=reason, name=bundle.name)
    assert not (data / "models" / "tiny").exists()


def test_a_bundle_that_was_cut_short_is_refused(data, source, tmp_path):
    take(source)
    bundle = tmp_path / "tiny.tar"
    models("bundle", "tiny", bundle)
    models("remove", "tiny")
    bundle.write_bytes(bundle.read_bytes()[:3000])
    with pytest.raises(CommandError):
        models("import", bundle)
    assert not Model.objects.exists()


def test_an_import_goes_on_after_the_last_whole_file(data, source):
    (source / "config.json").write_text((source / "config.json").read_text())
    (source / "tokenizer.json").unlink()
    intake = Intake(data / "models", "tiny")
    sources = {one: source / one for one in ("LICENSE", "model.safetensors")}
    with intake.held():
        intake.take(sources)
    copy = intake.folder / "model.safetensors"
    first = copy.stat()
    (intake.folder / "half.json").write_text("{")  # what a killed copy leaves
    take(source)
    after = (data / "models" / "tiny" / "model.safetensors").stat()
    assert (after.st_ino, after.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    find("tiny", data / "models", keys(data)).check()


def test_an_import_begins_anew_with_a_file_that_changed(data, source):
    intake = Intake(data / "models", "tiny")
    with intake.held():
        intake.take({"model.safetensors": source / "model.safetensors"})
    making.safetensors(source / "model.safetensors", making.layers(hidden=16))
    take(source)
    find("tiny", data / "models", keys(data)).check()
    kept = data / "models" / "tiny" / "model.safetensors"
    assert kept.read_bytes() == (source / "model.safetensors").read_bytes()


@pytest.mark.parametrize("action", ["import", "place"])
def test_a_bundle_goes_on_after_the_last_whole_file(data, source, tmp_path, action):
    bundle = tmp_path / "tiny.tar"
    take(source)
    models("bundle", "tiny", bundle)
    models("remove", "tiny")
    whole, half = bundle.read_bytes(), tmp_path / "half.tar"
    half.write_bytes(
        whole[: whole.index(b"tokenizer.json", whole.index(b"model.safetensors\0"))]
    )
    with pytest.raises(CommandError, match="cut short"):
        models(action, half)
    first = (data / "models" / ".importing" / "tiny" / "model.safetensors").stat().st_ino
    models(action, bundle)
    assert (data / "models" / "tiny" / "model.safetensors").stat().st_ino == first
    find("tiny", data / "models", keys(data)).check()
    assert not list((data / "models" / ".importing").glob("tiny*progress"))


def test_two_imports_of_one_name_do_not_mix(data, source):
    intake = Intake(data / "models", "tiny")
    with intake.held(), pytest.raises(CommandError, match="being imported"):
        take(source)
    take(source)


def test_an_import_that_waited_for_another_of_its_name_touches_nothing(
    data, source, monkeypatch
):
    """The second looked whether the name is free before the first had ended."""
    held = Intake.held

    def late(self):
        monkeypatch.setattr(Intake, "held", held)
        take(source)
        return held(self)

    monkeypatch.setattr(Intake, "held", late)
    with pytest.raises(CommandError, match="registered already"):
        take(source)
    find("tiny", data / "models", keys(data)).check()
    assert "is as it was registered" in models("verify", "tiny")


def test_where_models_are_kept_is_no_source(data, source):
    take(source)
    kept = data / "models" / "tiny"
    Model.objects.all().delete()  # as after the restore of an older database
    with pytest.raises(CommandError, match="keeps its models"):
        take(kept)
    find("tiny", data / "models", keys(data)).check()


def test_names_that_sound_like_an_imports_own_files_are_left_alone(data, source):
    begun = Intake(data / "models", "tiny.old")
    with begun.held():
        begun.take({"LICENSE": source / "LICENSE"})
    take(source)
    assert (begun.folder / "LICENSE").exists()
    for name in ("tiny.old", "tiny.lock", "tiny.progress", "tiny.removed"):
        take(source, name)
        models("remove", name)
    find("tiny", data / "models", keys(data)).check()


KILLED = """
import os, signal, sys
from inference.registry import intake
def {place}(*_a, **_k):
    os.kill(os.getpid(), signal.SIGKILL)
intake.Intake.{place} = {place}
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "models", "import", *sys.argv[1:]])
"""


@pytest.mark.database
@pytest.mark.parametrize("place", ["publish", "forget"])
def test_an_import_that_was_killed_leaves_a_model_or_nothing(data, database, source, place):
    run = subprocess.run(
        [
            *(sys.executable, "-c", KILLED.format(place=place), source, "--name", "tiny"),
            *("--licence", "Apache-2.0", "--origin", "org/tiny"),
        ],
        env=os.environ
        | {
            "DOMICILE_DATA": str(data),
            "DOMICILE_DATABASE_URL": database.url,
            "DJANGO_SETTINGS_MODULE": "appliance.settings",
        },
        capture_output=True,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr.decode()
    registered = Model.objects.filter(name="tiny").exists()
    assert registered == (place == "forget")
    assert len(recorded("model.registered")) == registered
    assert not Change.objects.exists()
    if not registered:
        take(source)
    find("tiny", data / "models", keys(data)).check()
    assert Model.objects.get().digest in models("verify", "tiny")


@pytest.mark.database
def test_a_failure_of_the_database_after_the_files_are_in_place_registers_nothing(
    data, source, monkeypatch
):
    publish = Intake.publish

    def failing(self):
        publish(self)
        raise OSError(5, "Input/output error", str(self.final))

    with monkeypatch.context() as patch:
        patch.setattr(Intake, "publish", failing)
        with pytest.raises(CommandError, match="Input/output"):
            take(source)
    assert not Model.objects.exists()
    assert recorded("model.registered") == []
    copy = data / "models" / "tiny" / "model.safetensors"
    before = copy.stat().st_ino
    take(source)
    assert copy.stat().st_ino == before, "what was copied is not copied again"
    find("tiny", data / "models", keys(data)).check()


@pytest.mark.database
def test_a_model_is_removed_once_nothing_needs_it(data, source):
    stories.machines()
    take(source)
    assert "is to serve tiny" in models("deploy", "tiny", "--node", "node-1")
    assert "1 of 1 replica placed" in models("deploy", "tiny", "--node", "node-1")
    with pytest.raises(CommandError, match="No node"):
        models("deploy", "tiny", "--node", "other")
    with pytest.raises(CommandError, match="deployed at home"):
        models("remove", "tiny")
    deployment = Deployment.objects.get(model__name="tiny")
    Deployment.objects.filter(pk=deployment.pk).update(active=False)
    grantee = stories.application()
    AdapterGrant.objects.create(adapter=deployment.model, application=grantee)
    with pytest.raises(CommandError, match=f"{grantee.name} may use tiny"):
        models("remove", "tiny")
    AdapterGrant.objects.update(active=False)
    Change.objects.all().delete()
    models("remove", "tiny")
    with pytest.raises(CommandError, match="came with the appliance"):
        models("remove", "smollm2-135m-instruct")
    assert not (data / "models" / "tiny").exists()
    assert Node.objects.exists()
    assert recorded("model.removed")[0]["model"] == "tiny"
    assert not Change.objects.exists()


def test_after_a_rotation_of_the_gateways_key_what_is_registered_is_signed_anew(data, source):
    take(source)
    new = Ed25519PrivateKey.generate()
    (data / "keys" / "gateway.ed25519").write_text(new.private_bytes_raw().hex())
    (data / "keys" / "gateway.pub").write_text(new.public_key().public_bytes_raw().hex())
    with pytest.raises(ManifestRefused):
        find("tiny", data / "models", keys(data))
    models("sign")
    find("tiny", data / "models", keys(data)).check()
    manifest = data / "models" / "tiny" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    with pytest.raises(CommandError, match="not signed"):
        models("sign")


def test_a_merge_names_all_that_it_was_made_from_with_their_digests(data, source, tmp_path):
    take(source)
    two = ("--derived-from", "tiny", "--derived-from", "org/other", "--method", "merged")
    take(making.model(tmp_path / "both"), "both", *two, "--note", "Half of each.")
    tiny, row = Model.objects.get(name="tiny"), Model.objects.get(name="both")
    assert row.derived_from == "tiny + org/other"
    assert row.lineage_note == f"Half of each. tiny is sha256:{tiny.digest}."
    models("bom", "both", tmp_path / "bom.json")
    text = (tmp_path / "bom.json").read_text()
    assert VALIDATOR.validate_str(text) is None
    found = json.loads(text)["components"][0]["pedigree"]["ancestors"]
    assert [one["name"] for one in found] == ["tiny", "org/other"]
    assert found[0]["hashes"][0]["content"] == tiny.digest


def test_the_bill_of_a_model_is_valid_and_names_every_file_and_what_it_was_made_from(
    data, source, tmp_path
):
    take(source)
    quantised = making.model(tmp_path / "awq", quantization_config={"quant_method": "awq"})
    take(quantised, "tiny-awq", "--derived-from", "tiny", "--method", "quantised",
         "--note", "With 512 samples of our own.")  # fmt: skip
    row = Model.objects.get(name="tiny-awq")
    assert row.base == Model.objects.get(name="tiny")
    models("bom", "tiny-awq", tmp_path / "bom.json")
    text = (tmp_path / "bom.json").read_text()
    assert VALIDATOR.validate_str(text) is None
    [component] = json.loads(text)["components"]
    assert component["hashes"] == [{"alg": "SHA-256", "content": row.digest}]
    assert {one["name"] for one in component["components"]} == {
        *("LICENSE", "config.json", "model.safetensors", "tokenizer.json"),
    }
    [ancestor] = component["pedigree"]["ancestors"]
    assert ancestor["hashes"][0]["content"] == Model.objects.get(name="tiny").digest
    assert "512 samples" in component["pedigree"]["notes"]
    assert component["licenses"][0]["license"]["text"]["content"] == making.APACHE
