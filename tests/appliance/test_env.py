import pytest

from appliance.env import ConfigurationError, read


def test_a_value_may_come_from_a_file(tmp_path):
    secret = tmp_path / "country"
    secret.write_text("fr\n")
    assert read({"DOMICILE_COUNTRY_FILE": str(secret)}).country == "FR"


def test_an_unreadable_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="DOMICILE_COUNTRY_FILE"):
        read({"DOMICILE_COUNTRY_FILE": str(tmp_path / "absent")})


def test_a_secret_is_taken_as_a_file_and_kept_as_its_path(tmp_path):
    name = "DOMICILE_PDF_SIGNER_PASSWORD"
    file = str(tmp_path / "password")
    assert read({f"{name}_FILE": file}).pdf_signer_password_file == file
    with pytest.raises(ConfigurationError, match=f"{name}_FILE") as told:
        read({name: "correct horse"})
    assert "horse" not in str(told.value)


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1", "8000.5", "٨٠٠٠"])
def test_a_port_out_of_range_is_refused_by_name(value):
    with pytest.raises(ConfigurationError, match="DOMICILE_PORT"):
        read({"DOMICILE_PORT": value})


def test_a_deep_data_folder_gets_a_short_socket_path(tmp_path):
    deep = tmp_path / ("x" * 120)
    run = read({"DOMICILE_DATA": str(deep)}).run
    assert len(str(run / "broker.sock")) <= 100
