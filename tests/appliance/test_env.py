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


@pytest.mark.parametrize(
    "address",
    [
        *(
            "time.example",
            "ftp://10.0.0.1/tsa",
            "http://time.example/tsa",
            "http://8.8.8.8/tsa",
        ),
        *("https://user:word@time.example", "https://time.example/?a=b", "https://"),
    ],
)
def test_an_authority_is_called_over_tls_or_in_the_house(address):
    with pytest.raises(ConfigurationError, match="DOMICILE_TSA must be"):
        read({"DOMICILE_TSA": address, "DOMICILE_TSA_CERTIFICATE": "time.pem"})


@pytest.mark.parametrize(
    "address",
    ["https://time.example/tsa", "http://localhost:8/t", "http://10.1.2.3/", "http://[::1]:8"],
)
def test_an_authority_needs_a_certificate_to_be_believed_by(address):
    found = read({"DOMICILE_TSA": address, "DOMICILE_TSA_CERTIFICATE": "time.pem"})
    assert (found.tsa, found.tsa_certificate) == (address, "time.pem")
    with pytest.raises(ConfigurationError, match="DOMICILE_TSA_CERTIFICATE is not"):
        read({"DOMICILE_TSA": address})


def test_the_canary_has_an_interval_or_is_switched_off():
    assert read({}).canary_interval == 300
    assert read({"DOMICILE_CANARY_INTERVAL": "0"}).canary_interval == 0
    for value in ("1", "-1", "00"):
        with pytest.raises(ConfigurationError, match="DOMICILE_CANARY_INTERVAL"):
            read({"DOMICILE_CANARY_INTERVAL": value})
