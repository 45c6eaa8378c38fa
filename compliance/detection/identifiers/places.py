"""Places on the globe: coordinates."""

from __future__ import annotations

import re

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength

_DECIMAL = r"[+\-]?\d{1,3}\.\d{3,15}"
_DEGREES = (
    r"\d{1,3}[ ]?°[ ]?\d{1,2}(?:\.\d{1,6})?[ ]?['′’]"
    r"(?:[ ]?\d{1,2}(?:[.,]\d{1,6})?[ ]?[\"″”]|[ ]?'')?"
)
_NUMBER = re.compile(r"[+-]?\d{1,3}(?:\.\d{1,15})?")


def _is_pair(value: str) -> bool:
    """Latitude up to 90, longitude up to 180 degrees, and not both less than a degree."""
    latitude, longitude = map(float, _NUMBER.findall(value)[-2:])
    return abs(latitude) <= 90 and abs(longitude) <= 180 and abs(latitude) + abs(longitude) > 1


def _is_one(value: str) -> bool:
    return 1 < abs(float(value)) <= 180


_WORDS = (
    *(
        "gps",
        "lat",
        "latitude",
        "latlng",
        "latlon",
        "lon",
        "lng",
        "long",
        "longitude",
        "coord*",
    ),
    *(
        "koord*",
        "geo",
        "geolocation",
        "location",
        "position*",
        "posizion*",
        "posición",
        "standort",
    ),
    *("breitengrad", "längengrad", "breite", "länge", "maps", "google maps", "openstreetmap"),
    *(
        "latitud",
        "longitud",
        "latitudine",
        "longitudine",
        "szerokość",
        "długość",
        "współrzędne",
    ),
    *("souřadnic*", "súradnic*", "szélesség", "hosszúság", "συντεταγμέν*", "координат*"),
    *("emplacement", "ubicación", "leveys*", "pituus*", "breddegrad", "lengdegrad", "locație"),
    *("localização", "ligging", "platums", "garums", "platuma", "ilguma", "zemljepisn*"),
)

IDENTIFIERS = (
    Identifier(
        entity="GPS_COORDINATES",
        country="",
        kind=Kind.OTHER,
        name="coordinates as decimals",
        format="latitude and longitude in degrees with three decimals or more",
        pattern=rf"{_DECIMAL}°?[ ]?[NS]?[ ]?[,;/ ][ ]?{_DECIMAL}°?(?:[ ]?[EWO])?",
        words=_WORDS,
        strength=Strength.FORM,
        source="ISO 6709",
        holds=_is_pair,
    ),
    Identifier(
        entity="GPS_COORDINATES",
        country="",
        kind=Kind.OTHER,
        name="coordinates as decimals with points of the compass, or in an address",
        format="52.5200° N, 13.4050° E; geo:52.5200,13.4050",
        pattern=(
            r"\d{1,2}\.\d{3,15}[ ]?°?[ ]?[NS][ ]?[,;/ ]?[ ]?\d{1,3}\.\d{3,15}[ ]?°?[ ]?[EWO]"
            rf"|geo:{_DECIMAL},{_DECIMAL}"
        ),
        words=_WORDS,
        strength=Strength.CERTAIN,
        source="ISO 6709; RFC 5870",
        holds=_is_pair,
        trigger=r"[0-9]\.[0-9]{3,15}[ ]?°?[ ]?[NS]|geo:",
    ),
    Identifier(
        entity="GPS_COORDINATES",
        country="",
        kind=Kind.OTHER,
        name="one coordinate of a pair",
        format="degrees with three decimals or more",
        pattern=_DECIMAL,
        words=("lat", "latitude", "lon", "lng", "longitude", "breitengrad", "längengrad"),
        strength=Strength.FORM,
        source="ISO 6709",
        holds=_is_one,
    ),
    Identifier(
        entity="GPS_COORDINATES",
        country="",
        kind=Kind.OTHER,
        name="coordinates in degrees, minutes and seconds",
        format="""52°31'12"N 13°24'18"E""",
        pattern=rf"{_DEGREES}[ ]?[NS][ ]?[,;/]?[ ]?{_DEGREES}[ ]?[EWO]",
        words=_WORDS,
        strength=Strength.CERTAIN,
        source="ISO 6709",
        trigger=r"[0-9][ ]?°[ ]?[0-9]",
    ),
)
