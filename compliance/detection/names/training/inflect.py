"""Endings of names in the languages that inflect them, roughly.

A rule is an ending of the base form and what stands in its place, tried from the first; the
last one of a list takes any name. The model only has to see that names have such endings, so
exceptions (vowels that fall out, consonants that soften) are followed where they are frequent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Rules = Sequence[tuple[str, str]]


def _rules(text: str) -> Rules:
    """Rules from `old>new` separated by spaces; `>new` appends, `.` stands for nothing."""
    pairs = (rule.split(">") for rule in text.split())
    return tuple((old, new.replace(".", "")) for old, new in pairs)


CASES: Mapping[str, Mapping[str, Rules]] = {
    language: {case: _rules(text) for case, text in cases.items()}
    for language, cases in {
        "pl": {
            "gen": "ska>skiej cka>ckiej ki>kiego ka>ki ga>gi ia>ii a>y ek>ka ów>owa o>a e>a y>ego >a",
            "dat": "ska>skiej cka>ckiej ki>kiemu ka>ce ga>dze ra>rze ta>cie na>nie a>ie ek>kowi o>u y>emu >owi",
            "acc": "ska>ską cka>cką ki>kiego a>ę ek>ka o>o y>ego >a",
            "ins": "ska>ską cka>cką ki>kim a>ą ek>kiem o>em k>kiem g>giem y>ym >em",
            "loc": "ska>skiej ki>kim ka>ce ga>dze ra>rze ta>cie ia>ii a>ie ek>ku ów>owie ań>aniu "
                   "in>inie wa>wie o>ie sk>sku y>ym >u",
            "voc": "ia>iu a>o ek>ku r>rze t>cie n>nie ł>le sz>szu k>ku ki>ki >ie",
        },
        "cs": {
            "gen": "ová>ové á>é ka>ky a>y ek>ka ec>ce ý>ého í>ího no>na o>a e>e y>. >a",
            "dat": "ová>ové á>é ka>ce ra>ře ha>ze a>ě ek>kovi ec>ci ý>ému í>ímu o>u e>i >ovi",
            "acc": "ová>ovou á>ou a>u ek>ka ec>ce ý>ého í>ího o>o >a",
            "loc": "ová>ové á>é ka>ce ra>ře ha>ze a>ě ek>ku ec>ci no>ně o>u e>i í>í >ě",
            "ins": "ová>ovou á>ou a>ou ek>kem ec>cem ý>ým í>ím o>em e>í >em",
            "voc": "ová>ová á>á a>o ek>ku ý>ý í>í r>ře el>le š>ši >e",
        },
        "sk": {
            "gen": "ová>ovej á>ej a>y ec>ca ek>ka ý>ého o>a e>a >a",
            "dat": "ová>ovej á>ej a>e ec>covi ek>kovi ý>ému o>u >ovi",
            "acc": "ová>ovú á>ú a>u ec>ca ek>ka ý>ého o>o >a",
            "loc": "ová>ovej á>ej ava>ave a>e ec>ci ek>ku ý>om o>e >e",
            "ins": "ová>ovou á>ou a>ou ec>com ek>kom ý>ým o>om >om",
            "voc": "a>a >.",
        },
        "sl": {
            "gen": "a>e ec>ca ek>ka o>a e>a >a", "dat": "a>i ec>cu ek>ku o>u >u",
            "acc": "a>o ec>ca ek>ka >a", "loc": "a>i ec>cu je>ju o>u e>u >u",
            "ins": "a>o ec>cem ek>kom o>om >om",
        },
        "hr": {
            "gen": "ica>ice ska>ske a>e ac>ca ak>ka ski>skog o>a e>a >a",
            "dat": "ka>ki a>i ac>cu ak>ku ski>skom o>u >u",
            "acc": "a>u ac>ca ski>skog >a", "voc": "a>o ac>če >e",
            "loc": "ska>skoj ka>ki a>i ac>cu o>u e>u >u",
            "ins": "ska>skom a>om ac>cem ski>skim o>om ć>ćem j>jem >om",
        },
        "lt": {
            "gen": "as>o is>io ys>io us>aus ė>ės a>os ai>ų ės>ių >o",
            "dat": "as>ui is>iui ys>iui us>ui ė>ei a>ai ai>ams >ui",
            "acc": "as>ą is>į ys>į us>ų ė>ę a>ą ai>us >ą",
            "ins": "as>u is>iu ys>iu us>umi ė>e a>a ai>ais >u",
            "loc": "as>e is>yje ys>yje us>uje ė>ėje a>oje ai>uose >e",
            "voc": "as>ai is>i ys>y us>au ė>e a>a >.",
        },
        "lv": {
            "gen": "iņš>iņa is>a š>a s>a us>us e>es a>as i>u >a",
            "dat": "is>im š>am s>am us>um e>ei a>ai i>iem >am",
            "acc": "is>i š>u s>u us>u e>i a>u i>us >u", "ins": "is>i š>u s>u e>i a>u >u",
            "loc": "is>ī š>ā s>ā us>ū e>ē a>ā i>os >ā", "voc": "s>. š>. e>e a>a >.",
        },
        "et": {
            "gen": "a>a e>e i>i o>o u>u nen>se s>se >i", "par": "a>at e>et i>it s>st o>ot >it",
            "ine": "a>as e>es i>is o>os u>us >is", "ela": "a>ast e>est i>ist o>ost >ist",
            "ill": "a>asse e>esse i>isse >isse", "ade": "a>al e>el i>il o>ol >il",
            "all": "a>ale e>ele i>ile o>ole >ile", "abl": "a>alt e>elt i>ilt >ilt",
            "com": "a>aga e>ega i>iga o>oga u>uga >iga",
        },
        "fi": {
            "gen": "nen>sen ki>en kko>kon ppi>pin i>in a>an ä>än o>on e>een u>un y>yn s>ksen >in",
            "par": "nen>sta a>aa ä>ää o>oa i>ia u>ua e>että >ia", "acc": "nen>sen i>in a>an o>on >in",
            "ine": "nen>sessa ki>essa i>issa a>assa ä>ässä o>ossa u>ussa >issa",
            "ela": "nen>sesta i>ista a>asta ä>ästä o>osta u>usta >ista",
            "ill": "nen>seen i>iin a>aan ä>ään o>oon u>uun >iin",
            "ade": "nen>sella i>illa a>alla ä>ällä o>olla >illa",
            "abl": "nen>selta i>ilta a>alta ä>ältä o>olta >ilta",
            "all": "nen>selle i>ille a>alle ä>älle o>olle >ille",
        },
        "hu": {
            "acc": "a>át e>ét o>ót s>st r>rt n>nt l>lt >et", "dat": "a>ának e>ének o>ónak s>snak >nak",
            "ins": "a>ával e>ével n>nnal r>rral s>ssal t>ttal >val", "ine": "a>ában e>ében >ban",
            "ill": "a>ába e>ébe >ba", "ela": "a>ából e>éből >ból", "sup": "a>án e>én >on",
            "sub": "a>ára e>ére >ra", "del": "a>áról e>éről >ról", "all": "a>ához e>éhez >hoz",
            "abl": "a>ától e>étől >tól", "ade": "a>ánál e>énél >nál", "gen": "a>ának >nak",
            "loc": "a>ában e>ében >ban",
        },
        "el": {
            "gen": "ος>ου ης>η ας>α ις>ι α>ας η>ης ά>άς ή>ής ό>ού ο>ου ι>ιού >.",
            "acc": "ος>ο ης>η ας>α ις>ι ός>ό ής>ή άς>ά >.", "voc": "ος>ε ης>η ας>α ής>ή άς>ά >.",
        },
        "ro": {"gen": "a>ei >ului", "dat": "a>ei >ului", "voc": "a>o >ule"},
        "de": {"gen": "s>s' z>z' x>x' >s"}, "sv": {"gen": "s>s x>x z>z >s"},
        "da": {"gen": "s>s' x>x' >s"}, "nl": {"gen": "a>a's o>o's s>s' >s"},
        "en": {"gen": "s>s' >'s"}, "ga": {"gen": "án>áin ach>aigh >.", "voc": ">."},
    }.items()
}  # fmt: skip

_ALIASES: Mapping[str, str] = {
    "iness": "ine", "inessive": "ine", "kom": "com", "loc": "ine", "part": "par", "trm": "all",
}  # fmt: skip


def inflected(language: str, case: str, name: str) -> str:
    """A name of one or more words in a case; in its base form where no rule is known."""
    cases = CASES.get(language, {})
    rules = cases.get(case) or cases.get(_ALIASES.get(case, ""))
    if not rules:
        return name
    words = name.split(" ")
    if language in ("hu", "et", "fi"):  # only the last word takes the ending
        return " ".join([*words[:-1], _ended(words[-1], rules)])
    return " ".join(_ended(word, rules) for word in words)


def _ended(word: str, rules: Rules) -> str:
    if len(word) < 3 or not word[-1].isalpha():
        return word
    for old, new in rules:
        if not old or (word.endswith(old) and len(word) > len(old) + 1):
            return word[: len(word) - len(old)] + new
    return word
