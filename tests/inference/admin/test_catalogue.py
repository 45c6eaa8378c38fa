"""The catalogue's pages: who sees them, what they narrow to, and what fits where."""

import html
import re

import pytest
from django.urls import reverse

from inference.catalogue import gpus, models
from inference.models import Model
from tests.compliance.admin import stories


def text(answer):
    """What a reader sees."""
    assert answer.status_code == 200
    plain = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", html.unescape(plain))


def listed(client, **asked):
    return set(re.findall(r'/console/catalogue/([^/"]+)/"', _page(client, asked)))


def _page(client, asked):
    return client.get(reverse("admin:catalogue"), asked).content.decode()


def fitted(client, name, **asked):
    return text(client.get(reverse("admin:catalogue_model", args=[name]), asked))


@pytest.fixture
def reader(console):
    console.as_("Auditor")
    return console


def test_every_model_of_the_catalogue_is_listed(reader):
    assert listed(reader) == set(models())


def test_the_list_is_narrowed_by_family_licence_size_task_and_the_eu(reader):
    assert listed(reader, family="Gemma") == {
        name for name, one in models().items() if one.family == "Gemma"
    }
    assert listed(reader, licence="LicenseRef-Llama-4") == {"llama-4-scout-17b-16e-instruct"}
    assert listed(reader, eu="restricted") == {"llama-4-scout-17b-16e-instruct"}
    assert "bge-m3" in listed(reader, task="embeddings", size="4")
    assert "llama-3.3-70b-instruct" not in listed(reader, size="40")


def test_where_nothing_is_like_what_was_asked_the_page_says_so(reader):
    page = _page(reader, {"family": "Gemma", "eu": "restricted"})
    assert "No model of the catalogue is like that." in page


def test_what_is_no_choice_is_told_at_its_field(reader):
    page = _page(reader, {"size": "huge"})
    assert "Nothing is shown" in page
    assert listed(reader, size="huge") == set()


def test_a_model_that_was_imported_is_marked(reader):
    stories.machines()
    name = next(iter(models()))
    Model.objects.update(name=name)
    assert text(reader.get(reverse("admin:catalogue"))).count("imported") == 1


def test_a_model_is_told_with_its_terms_sizes_and_what_was_compared(reader):
    said = fitted(reader, "deepseek-r1-0528")
    for part in (
        "MIT License",
        "one latent vector of 576 elements",
        "auto_map",
        "No restriction in the European Union is known",
        "publisher's number of parameters to the last one",
    ):
        assert part in said


def test_a_model_that_may_not_be_used_in_the_eu_says_so_first(reader):
    assert "In the European Union: No grant." in fitted(
        reader, "llama-4-scout-17b-16e-instruct"
    )


def test_every_kind_of_gpu_is_tried_until_one_is_chosen(reader):
    said = fitted(reader, "phi-4-mini-instruct")
    assert all(one.title in said for one in gpus().values())
    page = reader.get(reverse("admin:catalogue_model", args=["phi-4"]), {"gpu": "L4-24"})
    tried = set(re.findall(r"[1248] x ([^<:]*)[<:]", page.content.decode()))
    assert tried == {"NVIDIA L4"}


def test_what_does_not_fit_says_why(reader):
    said = fitted(reader, "llama-3.3-70b-instruct", precision="bf16", gpu="H100-80", gpus="1")
    assert "The weights do not fit" in said


def test_a_gguf_is_told_by_the_main_memory_that_it_takes(reader):
    assert "Without a GPU, about" in fitted(reader, "qwen3-8b", precision="gguf-q8_0")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"context": "131072"}, "made for 16,384 tokens at most"),
        ({"context": "0"}, "greater than or equal to 1"),
        ({"concurrent": "many"}, "Enter a whole number"),
        ({"gpu": "Abacus"}, "Abacus is not one of the available choices"),
    ],
)
def test_what_cannot_be_reckoned_is_told_at_its_field(reader, asked, said):
    page = fitted(reader, "phi-4", **asked)
    assert said in page
    assert "Nothing was reckoned" in page
    assert "1 x NVIDIA" not in page


def test_a_model_that_the_catalogue_does_not_have_is_not_found(reader):
    answer = reader.get(reverse("admin:catalogue_model", args=["llama-5"]))
    assert answer.status_code == 404


def test_the_pages_are_for_those_who_may_see_models(console):
    console.as_()
    for url in (
        reverse("admin:catalogue"),
        reverse("admin:catalogue_model", args=["phi-4"]),
    ):
        assert console.get(url).status_code == 403


def test_the_catalogue_stands_below_the_models_in_the_navigation(reader):
    page = reader.get(reverse("admin:index")).content.decode()
    assert page.index(">Models<") < page.index(">Catalogue<") < page.index(">Deployments<")
