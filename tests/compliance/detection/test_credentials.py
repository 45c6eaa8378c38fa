"""Tables of valid, invalid and look-alike values. Secrets are put together from parts, so that
scanners of repositories do not take them for real ones."""

from functools import cache

import pytest
import regex

from compliance.detection.matching.passes import Patterns, read
from compliance.detection.secrets.credential import entropy
from compliance.detection.secrets.credentials import ENTITIES, FORMS, Credentials

RANDOM = "aB3dE5gH7jK9mN1pQ4sT6vW8yZ0cF2hJ5kL7nP9rS1uX3zA6bD8eG0iM2oQ4tV6wY8"
LOWER = RANDOM.lower()
DIGITS_AND_CAPITALS = RANDOM.upper()
HEXADECIMAL = "3f2a9c81d7e6b5048f1c2d3e4a5b69780c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f"

VALID = [
    ("AWS_ACCESS_KEY", "AKIA" + DIGITS_AND_CAPITALS[:16]),
    ("AWS_ACCESS_KEY", "ASIA" + DIGITS_AND_CAPITALS[:16]),
    ("GITHUB_TOKEN", "ghp_" + RANDOM[:36]),
    ("GITHUB_TOKEN", "github" + "_pat_" + RANDOM[:22] + "_" + RANDOM[:59]),
    ("GITLAB_TOKEN", "glpat" + "-" + RANDOM[:20]),
    ("GITLAB_TOKEN", "gldt" + "-" + RANDOM[:26]),
    ("SLACK_TOKEN", "xoxb" + "-123456789012-" + RANDOM[:24]),
    ("SLACK_TOKEN", "hooks.slack.com/" + "services/T00000000/B00000000/" + RANDOM[:24]),
    ("GOOGLE_API_KEY", "AIza" + RANDOM[:35]),
    ("GOOGLE_API_KEY", "GOCSPX" + "-" + RANDOM[:28]),
    ("MODEL_API_KEY", "sk-" + RANDOM[:48]),
    ("MODEL_API_KEY", "sk-" + "proj-" + RANDOM[:60]),
    ("MODEL_API_KEY", "hf_" + RANDOM[:34]),
    ("DOMICILE_API_KEY", "dom_" + RANDOM[:12] + "_" + RANDOM[:43]),
    ("STRIPE_KEY", "sk_" + "live_" + RANDOM[:24]),
    ("STRIPE_KEY", "whsec_" + RANDOM[:32]),
    ("JSON_WEB_TOKEN", "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0." + RANDOM[:43]),
    ("JSON_WEB_TOKEN", "eyJhbGciOiJub25lIn0" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0."),
    (
        "PRIVATE_KEY",
        "-----BEGIN " + "RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIE\n"
        "-----END RSA PRIVATE KEY-----",
    ),
    ("PRIVATE_KEY", "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA"),
    ("PRIVATE_KEY", "-----BEGIN " + "OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n"),
    ("AZURE_STORAGE_KEY", "AccountKey=" + (RANDOM + RANDOM)[:86] + "=="),
    ("AZURE_SHARED_ACCESS_SIGNATURE", "?sv=2022&sig=" + RANDOM[:43] + "%3D"),
    ("REGISTRY_TOKEN", "npm_" + RANDOM[:36]),
    ("REGISTRY_TOKEN", "pypi-" + "AgE" + RANDOM),
    ("CONNECTION_STRING", "postgresql://bob:Sommer24@db.example/x"),
    ("CONNECTION_STRING", "redis://:Sommer24@cache:6379/0"),
    ("CONNECTION_STRING", "mongodb+srv://u:p4ss@cluster0.example.net"),
    ("AUTHORIZATION_HEADER", "Authorization: Basic dXNlcjpwYXNzd29yZA=="),
    ("AUTHORIZATION_HEADER", "authorization: bearer " + LOWER[:32]),
    ("PASSWORD", "password=hunter2"),
    ("PASSWORD", "passwort: geheimnis"),
    ("PASSWORD", "Mein Passwort ist Sommer2024!"),
    ("PASSWORD", "The password is Tr0ub4dor&3"),
    ("PASSWORD", '{"db_password": "s3cr3t"}'),
    ("PASSWORD", "MYSQL_PASSWORD=rootpw"),
    ("PASSWORD", "userPassword: 'letmein'"),
    ("PASSWORD", "Server=db;Uid=sa;Pwd=Xk29dk;"),
    ("PASSWORD", "jdbc:postgresql://h/db?user=u&password=Xk29dk"),
    ("PASSWORD", "mot de passe : Soleil75"),
    ("PASSWORD", "contraseña: Verano2024"),
    ("PASSWORD", "hasło: Lato2024x"),
    ("PASSWORD", "password: Estate2024!"),
    ("PASSWORD", "La parola è Estate2024!"),
    ("PASSWORD", "palavra-passe: Verao2024"),
    ("PASSWORD", "adgangskode: Sommer24!"),
    ("PASSWORD", "passord: Sommer24!"),
    ("PASSWORD", "lösenordet är Sommar24!"),
    ("PASSWORD", "salasana on Kesa2024!"),
    ("PASSWORD", "parool: Suvi2024"),
    ("PASSWORD", "parole: Vasara24"),
    ("PASSWORD", "slaptažodis: Vasara24"),
    ("PASSWORD", "heslo je Leto2024!"),
    ("PASSWORD", "jelszó: Nyar2024!"),
    ("PASSWORD", "Parola este Vara2024!"),
    ("PASSWORD", "парола: Lqto2024!"),
    ("PASSWORD", "κωδικός πρόσβασης: Kalok2024!"),
    ("PASSWORD", "lozinka: Ljeto2024!"),
    ("PASSWORD", "geslo: Poletje24"),
    ("PASSWORD", "pasfhocal: Samhradh24"),
    ("PASSWORD", "lykilorð: Sumar2024"),
    ("PASSWORD", "wachtwoord voor de server is Zomer2024!"),
    ("PASSWORD", "Das Passwort für den Server lautet Sommer24!"),
    ("PASSWORD", "mysql --password Xk29dk!"),
    ("PASSWORD", "sshpass -p 'Xk29dk!' ssh host"),
    ("PASSWORD", "curl -u anna:Xk29dk https://example.org"),
    ("PASSWORD", "CREATE USER anna IDENTIFIED BY 'Xk29dk!'"),
    ("PASSWORD", "ALTER ROLE anna WITH PASSWORD 'Xk29dk!'"),
    ("PASSWORD", "machine example.org login anna password Xk29dk"),
    ("PASSWORD", "<password>Xk29dk</password>"),
    ("PASSWORD", "PIN: 4821"),
    ("PASSWORD", "$2b$12$" + RANDOM[:53]),
    ("PASSWORD", "$6$saltsalt$" + RANDOM),
    ("MODEL_API_KEY", "sk-" + "or-v1-" + HEXADECIMAL),
    ("MODEL_API_KEY", "nvapi-" + RANDOM[:64]),
    ("CLOUD_API_KEY", "dop_v1_" + HEXADECIMAL),
    ("CLOUD_API_KEY", "LTAI" + RANDOM[:20]),
    ("CLOUD_API_KEY", "dapi" + HEXADECIMAL[:32]),
    ("CLOUD_API_KEY", "hvs." + RANDOM[:28]),
    ("CLOUD_API_KEY", "aB3" + "8Q~" + RANDOM[:34]),
    ("SERVICE_API_KEY", "SG." + RANDOM[:22] + "." + RANDOM[:43]),
    ("SERVICE_API_KEY", "123456789:" + "AA" + RANDOM[:33]),
    ("SERVICE_API_KEY", HEXADECIMAL[:32] + "-us12"),
    ("SERVICE_API_KEY", "shpat_" + HEXADECIMAL[:32]),
    ("SERVICE_API_KEY", "NRAK-" + DIGITS_AND_CAPITALS[:27]),
    ("SERVICE_API_KEY", "glsa_" + RANDOM[:32] + "_" + HEXADECIMAL[:8]),
    ("REGISTRY_TOKEN", "rubygems_" + HEXADECIMAL[:48]),
    ("PRIVATE_KEY", "AGE-SECRET-KEY-1" + DIGITS_AND_CAPITALS[:58]),
    ("PRIVATE_KEY", "5Kb8kLf9zgWQnogidDA76MzPL6TsZZY36hWXMssSzNydYXYB9KF"),
    (
        "RECOVERY_PHRASE",
        "seed words: legal winner thank year wave sausage worth useful legal winner thank you",
    ),
    ("SECRET", "client_secret = '" + RANDOM[:32] + "'"),
    ("SECRET", "aws_secret_access_key = " + RANDOM[:40]),
    ("SECRET", '"api_key": "' + LOWER[:24] + '"'),
    ("SECRET", "X-Auth-Token: " + LOWER[:24]),
]

NOT_ONE = [
    "AKIA" + DIGITS_AND_CAPITALS[:15],
    "AKIA" + LOWER[:16],
    "xAKIA" + DIGITS_AND_CAPITALS[:16],
    "ghp_" + RANDOM[:20],
    "glpat-short",
    "xoxb-",
    "AIza" + RANDOM[:20],
    "sk-learn-is-a-python-package-for-learning",
    "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "dom_short_key",
    "dom_element_that_has_a_very_long_name",
    "eyJhbGciOiJIUzI1NiJ9 alone",
    "eyJ.eyJ.x",
    "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "a PRIVATE KEY is never shared",
    "https://example.com:8080/path@home",
    "https://bob@example.com/",
    "postgresql://user:<password>@host/db",
    "postgresql://user:${DB_PASSWORD}@host/db",
    "Basic internationalization of words",
    "Basic bGVhcm5pbmc",
    "bearer internationalisation-of-everything",
    "Bearer <token>",
    "password: must have eight characters",
    "The password is required.",
    "your password is stored safely",
    "password: <your password>",
    "password: ********",
    "password=${DB_PASSWORD}",
    "password=%PASSWORD%",
    "password: [PERSON_1]",
    "password = os.environ['PW']",
    "password=get_password()",
    "password = form.cleaned_data",
    "password: str | None = None",
    "const password: string;",
    "if password == stored_password:",
    "Password:\nforgotten it again",
    "Forgot password? Click here",
    "passport: L01X00T47",
    "compass: northwest",
    "token: abc",
    "api_key = 'YOUR_API_KEY_HERE'",
    "secret: the cake is a lie",
    "max_tokens = 4096, token_count = 12345678",
    "secretary: Mrs Robinson of Accounting",
    "npm_config_registry",
    "Das Passwort ist Pflicht.",
    "The password is Required",
    "password: PasswordField",
    "password = raw_password",
    "path = DEFAULT_PASSWORD = DEFAULT_PASSWORD_PATH",
    "SIGNER_PASSWORD_FILE=/etc/domicile/seal.password",
    "class PasswordMixin:\n    extra_context = None",
    "password: Option<String>,",
    "La parola è importante per noi.",
    "parola: ciao",
    "parole: granted",
    "Κωδικός προϊόντος: 4711-AB",
    "session_id = 550e8400-e29b-41d4-a716-446655440000",
    "pin = 13",
    "docker run -p 8080:80 nginx",
    "--password-file /run/secret",
    "the key-value store and the sk-learn-v2-extension-package",
    "backup words: one two three four",
    "Heslo dne: kdo hledá, najde",
    "$1.50 or $6 per unit",
    "pypi-package-name",
    "550e8400-e29b-41d4-a716-446655440000",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
]


@cache
def credentials():
    return Credentials()


def found(text):
    return {
        (result.entity_type, text[result.start : result.end])
        for result in credentials().analyze(text, sorted(ENTITIES))
    }


@pytest.mark.parametrize(("entity", "text"), VALID)
@pytest.mark.parametrize("around", ["{}", "here: {} ", '("{}")', "\n{}\n"])
def test_a_credential_is_found_in_any_surroundings(entity, text, around):
    assert entity in {kind for kind, _ in found(around.format(text))}


@pytest.mark.parametrize("text", NOT_ONE)
def test_a_look_alike_is_not_found(text):
    assert found(text) == set()


def test_only_the_secret_itself_is_found():
    assert found("password=hunter2") == {("PASSWORD", "hunter2")}
    assert found("ftp://bob:Sommer24@host/") == {("CONNECTION_STRING", "Sommer24")}
    header = "Authorization: Basic dXNlcjpwYXNzd29yZA=="
    assert found(header) == {("AUTHORIZATION_HEADER", "dXNlcjpwYXNzd29yZA==")}


def test_the_trigger_of_a_form_stands_in_every_value_of_it():
    """Within a hundred characters of its beginning: further a reader does not go back."""
    for form in FORMS:
        triggers = Patterns([form.trigger])
        for entity, text in VALID:
            if entity != form.entity:
                continue
            for match in regex.finditer(form.pattern, text):
                hits = triggers.hits(read(text))
                assert any(
                    match.start() <= start <= match.start() + 100 and end <= match.end()
                    for _, start, end in hits
                ), (entity, text, form.trigger)


def test_every_form_has_a_valid_value_in_the_table():
    assert {entity for entity, _ in VALID} == ENTITIES


def test_entropy_is_in_bits_per_character():
    assert entropy("aaaa") == 0
    assert entropy("abab") == 1
    assert entropy("abcdefgh") == 3
