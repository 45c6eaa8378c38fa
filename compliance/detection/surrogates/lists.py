"""The names there are, by script. Each is one word, and is inflected regularly.

Latin towns and companies are made of parts, so that hardly any is meant by anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one script.

    `families_of_women` are the families' forms for women, in the same order, where the script's
    languages have one of their own; else the same.
    """

    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]
    families_of_women: tuple[str, ...]
    towns: tuple[str, ...]


def _listed(names: str) -> tuple[str, ...]:
    return tuple(names.split())


def _made(firsts: str, lasts: str) -> tuple[str, ...]:
    return tuple(first + last for first, last in product(firsts.split(), lasts.split()))


_LATIN = _listed(
    """
    Achleitner Ahlgren Almgren Bergqvist Brandhuber Brunninger Dahlgren Dornfelder Ebersbach
    Eichinger Ekdahl Ellingsen Engqvist Falkenhagen Fellinger Forslund Friedmayr Granlund
    Gundersen Haberfellner Hallgren Hartinger Hedqvist Hellinger Henriksen Hirschauer Holmgren
    Hundegger Isaksen Jorgensen Kaltenegger Kerschbaumer Kirchmayr Kofler Kornhuber
    Kristoffersen Lahtinger Leitgeb Lindgren Lindqvist Lobmayr Lundqvist Malmgren Mikkelsen
    Moosbrugger Neuhauser Nordqvist Nygren Oberhuber Ostergren Palmgren Pichler Rasmussen
    Reisinger Rosenqvist Sandgren Schattauer Sigurdsen Steindl Sundgren Thoresen Tornqvist
    Unterberger Viklund Wahlgren Wallgren Weidinger Wiklund Wimmer Zellinger
    """
)
_GREEK = _listed(
    """
    Αλεξιάδης Βαλσαμίδης Γρηγοριάδης Δαμιανίδης Ευσταθιάδης Ζαφειρίδης Ηλιάδης Ιορδανίδης
    Λαζαρίδης Μελετιάδης Νεοφυτίδης Ορφανίδης Πετρίδης Ραφαηλίδης Σαββίδης Τερζίδης Φωτιάδης
    Χατζίδης
    """
)
_CYRILLIC = _listed(
    """
    Бончев Велинов Галабов Дойчев Драганов Желязков Златанов Йорданов Калоянов Кръстанов
    Лазаров Манчев Недялков Огнянов Пейков Радославов Райчев Стаматов Тихомиров Узунов
    Филчев Цветков Чакъров Янакиев
    """
)

LATIN = Names(
    women=_listed(
        """
        Adelinda Barbora Belinda Dietlinda Dorina Drahomira Fabiola Gordana Ilona Jolanda
        Kasimira Katinka Lavinia Leonora Ludmila Ludovika Melinda Miloslava Mirela Nikolina
        Petronella Radmila Ramona Rikarda Romina Rozalinda Sabrina Selma Svetlana Tamara
        Theodolinda Vendula Verena Wilma Zelda Zuzana
        """
    ),
    men=_listed(
        """
        Bertram Eberhard Egon Friedbert Gottfried Harald Herbert Hubert Igor Ingmar Joakim
        Konrad Lambert Leopold Nestor Norbert Oskar Otmar Ragnar Reinhold Rudolf Sigurd Tibor
        Ulrich Volkmar Waldemar Wendelin Wilfried Wolfram Zoltan
        """
    ),
    families=_LATIN,
    families_of_women=_LATIN,
    towns=_made(
        "Brun Dal Esch Falken Gron Hag Hals Isen Kalten Mors Norr Wolken", "ried stad vik feld"
    ),
)
GREEK = Names(
    women=_listed(
        """
        Αντιγόνη Αριάδνη Δανάη Ερμιόνη Ευρυδίκη Ηλέκτρα Ισμήνη Μελίνα Νεφέλη Ξανθίππη
        Πηνελόπη Ροδάνθη Φαίδρα Χλόη
        """
    ),
    men=_listed(
        """
        Αριστείδης Αχιλλέας Θησέας Ιάσονας Λεωνίδας Νικηφόρος Οδυσσέας Ορέστης Περικλής
        Σοφοκλής Τηλέμαχος Φαίδωνας
        """
    ),
    families=_GREEK,
    families_of_women=tuple(name.removesuffix("ης") + "ου" for name in _GREEK),
    towns=_listed(
        """
        Αμπελόπετρα Δροσοπηγή Ελαιόπετρα Καλλίπετρα Λευκοπηγή Μακρόκαμπος Μεσοπηγή
        Νερόπετρα Ξηρόκαμπος Πλατύκαμπος Ροδόπετρα Χρυσοπηγή
        """
    ),
)
CYRILLIC = Names(
    women=_listed(
        """
        Виолета Детелина Десислава Ивелина Калина Магдалена Невена Радостина Ралица Силвена
        Снежана Теменуга Цветана Юлияна
        """
    ),
    men=_listed(
        """
        Асен Боян Деян Златан Крум Любомир Момчил Огнян Радомир Светослав Страхил Тихомир
        """
    ),
    families=_CYRILLIC,
    families_of_women=tuple(f"{name}а" for name in _CYRILLIC),
    towns=_listed(
        """
        Боровене Брестица Върбовица Габревица Дъбравино Еленско Липовене Орешница Рибновец
        Соколене Черешница Яворовец
        """
    ),
)

COMPANIES = _made("Nord Trel Cor Sol Lum Ver Holv Orm Mar Quil", "avia entis oria exa andis")
"""Written in Latin letters in texts of any script."""

WOMEN = frozenset(
    """
    agnes allison ann astrid beatriz birgit carmen carol doris edit elin elisabeth elizabeth
    esther gudrun helen ines ingrid iris isabel judit judith karen karin kathrin kerstin
    kirsten linn margaret margit marion pilar rachel raquel ruth sharon sigrid susan
    """.split()
)
MEN = frozenset(
    """
    alexandre andre antoine arne daniele dave davide emanuele etienne gabriele george
    giuseppe guillaume ilkka jake jerome jose juha jukka luca luke maxime michele mika mike
    nikola ole otto pekka philippe pierre rene salvatore sasha steve toma uwe
    """.split()
)
"""Given names of which the ending tells the other."""
