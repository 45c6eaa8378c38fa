"""Names of persons that a program wrote as one word: anna_schmidt, AnnaSchmidt, anna-schmidt.

Code is full of such words, and few are names: a word counts that goes on from a common first
name, in an excerpt where it is written as a person would. Whether that is a name is for the
names model to say. First names that are words of English or of code ("mark", "max", "will")
are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from compliance.detection.triggers import Trigger
from compliance.detection.view import Edit, Trust, View, apart

_FIRST_NAMES = frozenset(
    """
    aaron adam adela adele adriana adriano agata agnes agnieszka aino albert alberto
    alejandro aleksandar aleksander aleksandra alessandra alessandro alessia alexander
    alexandra alfonso alfred alice alicia alina alois ana anastasia anders andrea andreas
    andrei andrej andres andris andrius andrzej angela angelika anja anka anna anne anneli
    annette annika antoine anton antonia antonio antti arnaud artur arturo asta astrid
    augustin aurelie barbara bartosz beata beatrice beatriz benedikt benjamin bernadette
    bernard bernd bernhard bianca birgit bjorn blanka bogdan boris bozena brigitte bruno
    camille carlos carmen carolina caroline catarina caterina catherine cecilia celine
    charlotte christian christiane christina christine christoph christophe claire clara
    claudia claudio clemens clement corinna cornelia costas cristian cristina dagmar
    damian daniel daniela daniele danuta daria david davide deborah denise diana didier
    diego dieter dimitrios dimitris dominik dominique dora doris dorota dorothea eckhard
    edita eduard eduardo elena eleni eleonora elias elina elisa elisabeth elizabeth elke
    elodie elzbieta emil emilia emma emmanuel enrico erik erika ernst erzsebet esther
    etienne eugenia eva evelina ewa fabian fabio federica federico felipe felix ferenc
    fernando filip filippo florian francesca francesco francisco francois francoise
    franziska frederic friedrich gabor gabriel gabriela gabriele genevieve georg georgi
    georgios gerald gerard gerda gerhard giorgio giorgos giovanni gisela giulia giuseppe
    gonzalo grzegorz guido guillaume guillermo gunther gustav hana hanna hannah hannes
    hans harald hartmut heidi heike heiko heinrich heinz helena helene helga helmut henrik
    herbert hermann hubert hugo ignacio ilona ilse ines inga ingeborg ingrid ioana ioannis
    irena irene irina irmgard isabel isabella isabelle istvan ivan ivana ivo jacek jacques
    jadwiga jakub jana janina janis jaroslav javier jean jelena jens jerome jerzy jesper
    jiri joachim joan joana joanna joao jochen johan johann johanna johannes jolanta jonas
    jordi jorge jose josef josefine joseph josip juan juha juho julia julian juliana julie
    julien jurgen juris justyna kaarina kaisa karel karin karina karl karla karolina
    karoline kasper katarina katarzyna katerina katharina kathrin katja katrin kazimierz
    kerstin kirsi kirsten klara klaus konrad konstantin konstantinos kristian kristina
    kristine krisztina krystyna krzysztof ladislav lars laszlo laura laurent lea leena
    lena leon leonard leonardo leonie liam lidia liisa lilia lina linda lisa livia lorenzo
    louis louise luc luca lucas lucia luciano lucie lucja ludmila ludwig luigi luis luisa
    luise lukas lukasz maciej magda magdalena magnus maja malgorzata manfred manuel
    manuela marc marcel marcello marcin marco marcos marek margarita margit marguerite
    maria mariana marianne marie marija marika marina mario marion maris marisa marjan
    markku marko markus marlene marta martha martin martina martine mateo mateusz mathias
    matias matteo matthias matti maurice mauro maximilian melanie mercedes mette michael
    michaela michal michel michele michelle miguel mihai mikael mikko milan milena
    miloslav miriam mirjam miroslav mohamed mohammed monica monika monique morten nadia
    nadine natalia nathalie nicolas nicole niels nikola nikolai nikolaos nikolaus nils
    nina noemi nora norbert nuria olaf olga oliver olivia olivier oscar oskar ottilie
    pablo pascal patricia patrick paul paula paulina pauline paulo pavel pawel pedro pekka
    petr petra petros philipp philippe pierre pieter pilar piotr rafael rafal raffaele
    raimund rainer ralf raluca ramon raquel rebecca regina reinhard reinhold renata renate
    rene ricardo riccardo richard rita robert roberta roberto roland rolf roman romana
    rosa rosario rosemarie rosina ruben rudolf ruth sabina sabine salvatore samuel sandra
    sandrine sara sarah sari saskia sebastian sebastien sergio siegfried sigrid silke
    silvia simon simona simone slawomir sofia sofie sonja sophia sophie stanislav
    stanislaw stefan stefania stefano steffen stelian stephan stephanie susana susanna
    susanne sven svetlana sylvia sylvie szymon tadeusz tamara tamas tanja tatiana tatjana
    teresa theodor theresa therese thierry thomas thorsten tiina tina tobias tomas tomasz
    toni torsten ulrich ulrike ursula ute uwe vaclav valentin valentina valeria vanessa
    vasile vasilis vera veronica veronika veronique vesna victor victoria viktor viktoria
    vilma vincent vincenzo virginie vladimir vlasta walter waltraud werner wilhelm
    wojciech wolfgang xavier yannick yves yvonne zdenek zofia zoltan zsofia zsuzsanna
    zuzana
    """.split()  # noqa: SIM905
)

_WORD = re.compile(
    r"(?<![^\W_])[^\W\d_]{3,20}(?:([_.])[^\W\d_]{3,20}(?:\1[^\W\d_]{2,20}){0,4})(?![\w@])"
    r"|(?<=[/=])[^\W\d_]{3,20}(?:(-)[^\W\d_]{3,20}(?:-[^\W\d_]{2,20}){0,4})(?!\w)"
)
_CAMEL = re.compile(r"(?<![A-Z])([A-Z][a-z]{2,19})([A-Z][a-z]{2,24})(?![a-z])")
_OF_CODE = frozenset(
    {
        *(
            "test",
            "tests",
            "name",
            "names",
            "data",
            "file",
            "files",
            "id",
            "ids",
            "key",
            "keys",
        ),
        *(
            "type",
            "value",
            "values",
            "list",
            "model",
            "models",
            "view",
            "views",
            "service",
            "html",
        ),
        *(
            "json",
            "com",
            "org",
            "net",
            "eu",
            "config",
            "server",
            "client",
            "user",
            "users",
            "app",
        ),
        *("api", "page", "index", "utils", "helper", "handler", "manager", "factory", "token"),
        *("font", "sans", "bold", "time", "date", "count", "size", "error", "version", "css"),
    }
)
"""What goes on from a first name in a program, and is no family name."""


def is_first_name(word: str) -> bool:
    """Whether a word is a common first name and hardly anything else."""
    return word.lower() in _FIRST_NAMES


def compounds(view: View, present: Trigger) -> View | None:
    """Words that could be a person's whole name, with spaces and capitals; None without any."""
    if not present & Trigger.COMPOUND:
        return None
    edits = apart([*_separated(view.text), *_camel(view.text)])
    return view.excerpt(edits, "compounds", Trust.FULL) if edits else None


def _separated(text: str) -> Iterator[Edit]:
    for match in _WORD.finditer(text):
        by = match[1] or match[2]
        start = match.start()
        for first, last in pairwise(match[0].split(by)):
            end = start + len(first) + len(by) + len(last)
            if is_first_name(first) and len(last) > 2 and last.lower() not in _OF_CODE:  # noqa: PLR2004
                yield _name(text, start, end, first, last)
                break
            start += len(first) + len(by)


def _camel(text: str) -> Iterator[Edit]:
    for match in _CAMEL.finditer(text):
        if is_first_name(match[1]) and match[2].lower() not in _OF_CODE:
            yield _name(text, *match.span(), match[1], match[2])


def _name(text: str, start: int, end: int, first: str, last: str) -> Edit:
    """Both written as a person's name, apart from what it was glued to."""
    before = " " if start and (text[start - 1].isalnum() or text[start - 1] == "_") else ""
    behind = " " if end < len(text) and (text[end].isalnum() or text[end] == "_") else ""
    return Edit(start, end, f"{before}{first.capitalize()} {last.capitalize()}{behind}")
