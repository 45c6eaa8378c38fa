"""Persons, towns and addresses that a form, a table or a record says are ones.

A name in `"city": "Sligo"`, below `street;town` or behind `Nachname:` has no sentence around it
that would tell what it is, but a label. Rows of this module count there only (`field`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from compliance.detection.identifiers.addresses import (
    BEFORE,
    NAMED_NUMBER,
    NAMES,
    POSTCODE,
    is_named,
)
from compliance.detection.identifiers.identifier import Identifier, Kind, Strength

_WORD = (
    r"(?-i:(?:\p{L}['’])?\p{Lu}[\p{Ll}\p{M}]+(?:['’\-]\p{L}[\p{Ll}\p{M}]*)*"
    r"|\p{Lu}{2,}(?:['’\-]\p{Lu}+)*)"
)
_TOWN = (
    rf"(?:St\.? |['’]t )?{_WORD}(?:[ ](?:{_WORD}|(?-i:\p{{Ll}}{{1,4}})['’]?|\d{{1,2}})){{0,4}}"
    r"(?:[ ]\(\p{L}[\p{L}. ]{1,19}\))?"
)
_INITIAL = r"(?-i:\p{Lu})\.?"
_PERSON = (
    rf"(?:(?-i:\p{{Ll}}{{1,3}})['’]?[ ]){{0,2}}(?:{_WORD}|{_INITIAL})"
    rf"(?:[ \-](?:{_WORD}|{_INITIAL}|(?-i:\p{{Ll}}{{1,3}})['’]?)){{0,5}}"
)
_STREET = (
    rf"(?:{NAMED_NUMBER}|{NAMES},?[ ]s/n|\d{{1,4}}[a-h]?,?[ ]{NAMES}|{BEFORE}[ ]{NAMES})"
    rf"(?:,?[ ]{POSTCODE})?(?:,?[ ]{_TOWN}){{0,2}}"
)


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split(", "))


_TOWNS = _listed(
    "city, town, city name, home city, home town, billing city, shipping city, "
    "place of birth, birthplace, place of residence, city of birth, locality, ort, "
    "wohnort, stadt, geburtsort, wohnsitz, ville, commune, localité, lieu de naissance, "
    "ville de naissance, ciudad, localidad, población, municipio, lugar de nacimiento, "
    "città, comune, località, luogo di nascita, residenza, cidade, localidade, "
    "naturalidade, local de nascimento, stad, woonplaats, geboorteplaats, gemeente, "
    "plaats, bopælskommune, fødested, poststed, postort, bostadsort, födelseort, "
    "ort/stad, kaupunki, kotikunta, postitoimipaikka, syntymäpaikka, paikkakunta, linn, "
    "elukoht, sünnikoht, asula, pilsēta, dzimšanas vieta, dzīvesvieta, miestas, "
    "gimimo vieta, gyvenamoji vieta, miasto, miejscowość, miejsce urodzenia, "
    "miejsce zamieszkania, město, obec, místo narození, mesto, miesto narodenia, "
    "miesto pobytu, kraj rojstva, grad, mjesto, mjesto rođenja, mjesto stanovanja, "
    "prebivalište, boravište, település, város, születési hely, lakóhely, helység, oraș, "
    "localitate, loc nașterii, locul nașterii, домашен град, град, населено място, "
    "месторождение, място на раждане, πόλη, τόπος γέννησης, τόπος κατοικίας, baile, "
    "áit bhreithe, cathair, belt, post tat-twelid, lokalità"
)
_GIVEN = _listed(
    "first name, last name, given name, family name, surname, full name, forename, "
    "maiden name, middle name, patient name, customer name, contact name, employee name, "
    "cardholder, card holder, account holder, name of patient, vorname, nachname, "
    "familienname, geburtsname, name vorname, kontoinhaber, karteninhaber, prénom, "
    "nom de famille, nom et prénom, nom prénom, titulaire, apellido, apellidos, "
    "nombre y apellidos, nombre completo, titular, cognome, nome e cognome, "
    "intestatario, nome completo, apelido, sobrenome, voornaam, achternaam, familienaam, "
    "fornavn, efternavn, etternavn, mellemnavn, förnamn, efternamn, etunimi, sukunimi, "
    "eesnimi, perekonnanimi, perenimi, uzvārds, vārds uzvārds, pavardė, vardas pavardė, "
    "nazwisko, imię, imię i nazwisko, příjmení, jméno a příjmení, křestní jméno, "
    "priezvisko, meno a priezvisko, priimek, ime in priimek, prezime, ime i prezime, "
    "vezetéknév, keresztnév, családnév, utónév, teljes név, születési név, prenume, "
    "nume de familie, nume și prenume, numele și prenumele, фамилия, презиме, "
    "име и фамилия, трите имена, επώνυμο, ονοματεπώνυμο, sloinne, céadainm, kunjom, "
    "isem u kunjom"
)
_ADDRESSES = _listed(
    "address, street, street address, home address, postal address, mailing address, "
    "billing address, shipping address, delivery address, address line 1, residing at, "
    "straße, anschrift, adresse, wohnhaft, wohnanschrift, lieferadresse, "
    "rechnungsadresse, rue, domicile, adresse postale, calle, dirección, domicilio, "
    "indirizzo, residente in, residente a, via, morada, rua, endereço, adres, straat, "
    "woonadres, bopæl, gade, vej, adress, gatuadress, bostadsadress, osoite, katuosoite, "
    "lähiosoite, aadress, tänav, adrese, iela, adresas, gatvė, ulica, zamieszkały, "
    "zamieszkała, adres zamieszkania, ulice, bydliště, adresa, bydlisko, "
    "trvalé bydlisko, trvalé bydliště, adresa stanovanja, stalni naslov, lakcím, utca, "
    "lakóhely, domiciliu, domiciliul, strada, адрес, улица, διεύθυνση, οδός, seoladh, "
    "sráid, indirizz, triq, residenti"
)
_NO_VALUES = frozenset(
    (
        "string str text none null nil true false any optional number integer int float varchar"
        " char object required unknown undefined todo tbd name value field label example test"
        " default n not no yes list array type key id empty missing invalid platz room zimmer"
    ).split()
)
"""Words of code and of messages, which stand where values do."""


def _is_value(labels: tuple[str, ...]) -> Callable[[str], bool]:
    known = _NO_VALUES | {word for label in labels for word in label.split()}

    def holds(value: str) -> bool:
        words = {word.strip(".,").lower() for word in value.split()}
        return not known.issuperset(word for word in words if not word.isdigit())

    return holds


_is_street = _is_value(_ADDRESSES)


def _is_address(value: str) -> bool:
    return _is_street(value) and is_named(value)


_FIELD = partial(
    Identifier,
    country="",
    kind=Kind.OTHER,
    strength=Strength.FORM,
    source="labels as forms of the 24 languages have them",
    field=True,
)


IDENTIFIERS: tuple[Identifier, ...] = (
    _FIELD(
        entity="LOCATION",
        name="town in a field",
        format='"city": "Sligo"; Wohnort: Bad Tölz',
        pattern=_TOWN,
        words=_TOWNS,
        holds=_is_value(_TOWNS),
    ),
    _FIELD(
        entity="PERSON",
        name="name in a field",
        format='"last_name": "Weber"; Imię: Anna',
        pattern=_PERSON,
        words=_GIVEN,
        holds=_is_value(_GIVEN),
    ),
    _FIELD(
        entity="ADDRESS",
        name="address in a field",
        format="adresa: Dolac 3a, Split",
        pattern=_STREET,
        words=_ADDRESSES,
        holds=_is_address,
    ),
)
