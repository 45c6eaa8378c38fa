"""Forms of passwords and secrets that a word, a name or a command tells of.

The words for a password are those of the official languages of the Union, and of Norway and
Iceland; what follows one is a secret only as far as it is written out, not if it is prose, a
placeholder or an expression of code.
"""

from __future__ import annotations

from compliance.detection.secrets.credential import (
    Form,
    is_literal,
    is_password,
    is_random,
    is_said_password,
    is_word_password,
)

_LOGIN_WORD = (
    r"(?i:pass(?:word|wort|wd|phrase|code|ord(?!er))|(?<![a-z])(?:pass|pwd|pw|psw|pswd)(?![a-z])"
    r"|kennwort|zugangscode|mot\s?de\s?passe|mdp(?![a-z])|contrase(?:ñ|n)a|contrasenya|contrasinal"
    r"|pasahitza|wachtwoord|has(?:ł|l)o(?![a-z])|l(?:ö|o)senord|salasana|sal(?:a|as)s(?:õ|o)na"
    r"|parool|heslo|senha(?![a-z])|palavra-(?:passe|chave)|adgangskode|kodeord|lykilor(?:ð|d)"
    r"|slapta(?:ž|z)od(?:is|į|i)|jelsz(?:ó|o)|parol(?:a|ă|e|ē)(?![a-zăē])|парола"
    r"|κωδικ(?:ός|ό|ού|ος)\sπρόσβασης|συνθηματικό|lozink|zapork|geslo|pasfhocal|focal\sfaire)"
)
_LOGIN_TRIGGER = (
    r"pass|pwd|pw|psw|kennwort|zugangscode|mot ?de|mdp|contrasen|contrasin|pasahitza|wachtwoord"
    r"|haslo|losenord|salas|parool|heslo|senha|palavra|adgangskode|kodeord|lykilord|slaptazod"
    r"|jelszo|parol|парол|κωδικο|συνθηματικο|lozink|zapork|geslo|pasfhocal|focal"
)
_KEY_WORD = (
    r"(?i:secret|token|credential|api[_\-\s]?key|access[_\-\s]?key|secret[_\-\s]?key|app[_\-]?key"
    r"|account[_\-\s]?key|private[_\-\s]?key|client[_\-\s]?secret|auth[_\-\s]?key|signing[_\-\s]?key"
    r"|encryption[_\-\s]?key|master[_\-\s]?key|phpsessid|jsessionid|connect\.sid"
    r"|api-schlüssel|clave\s(?:de\s)?api|clé\s(?:d['’])?api|chiave\sapi|klucz\sapi)"
)
_KEY_TRIGGER = (
    r"secret|token|credential|key|phpsessid|jsessionid|connect\.sid|schlussel|clave |cle "
    r"|chiave api|klucz api"
)
_FOR = (
    r"(?:\s(?:for|für|fuer|of|to|zum|zur|vom|am|im|pour|de|du|des|del|della|para|per|voor|van"
    r"|till|til|do|na|za|k|der|die|das)\s[^\n:=\"'`]{1,40}?)?"
)
_IS = r"\b(?:is|ist|lautet|est|es|è|é|är|er|on|jest|to|je|yra|ir|este|είναι|е|van)\b"
_SIGN = r"(?::=?|=>|=(?!=))"
_ASSIGNED = rf"[\w\-]{{0,30}}+[\"'`\\]{{0,3}}\s{{0,5}}+{_SIGN}[^\S\n]{{0,5}}+"
_TOLD = (
    rf"[\p{{L}}\-]{{0,12}}+(?:-?(?:code|nummer))?{_FOR}\s{{0,5}}+(?:{_SIGN}|{_IS})"
    r"[^\S\n]{1,5}+"
)

FORMS: tuple[Form, ...] = (
    Form(
        "PASSWORD",
        _LOGIN_WORD + _ASSIGNED + r"(?P<quote>[\"'`])(?P<value>[^\"'`\s]{4,128}+)(?P=quote)",
        _LOGIN_TRIGGER,
        is_literal,
    ),
    Form(
        "PASSWORD",
        _LOGIN_WORD + _ASSIGNED + r"(?![\"'`])(?P<value>[^\s\"'`,;&]{4,128})(?<![.,;?)])",
        _LOGIN_TRIGGER,
        is_password,
    ),
    Form(
        "PASSWORD",
        _LOGIN_WORD
        + _TOLD
        + r"(?P<quote>[\"'`„“«])?(?P<value>[^\s\"'`“”»,;]{4,128})(?<![.,;?)])",
        _LOGIN_TRIGGER,
        is_said_password,
    ),
    Form(
        "PASSWORD",  # a lower-case word alone on the rest of its line: "passwort: geheimnis"
        r"(?m)(?!(?i:parol))"
        + _LOGIN_WORD
        + r"[ \t]{0,5}+[:=][ \t]{0,5}+(?P<value>[^\W\d_]{5,64}+)(?=[ \t]*+$|[\"'`])",
        _LOGIN_TRIGGER,
        is_word_password,
    ),
    Form(
        "PASSWORD",
        r"(?i)<(?:\w{1,20}:)?\w{0,20}pass(?:word|wd|wort|code|phrase)\w{0,10}>"
        r"(?P<value>[^<>\s]{4,128})</",
        r"pass[a-z]{1,6}>",
        is_literal,
    ),
    Form(
        "PASSWORD",
        r"(?i)(?<![\w-])(?:--(?:[a-z]{1,20}-)?pass(?:word|wd|phrase)?|sshpass\s-p|-p(?=['\"]))"
        r"[ =]?(?P<quote>['\"]?)(?P<value>[^\s'\"<>$-][^\s'\"]{3,127})(?P=quote)",
        r"--[a-z\-]{0,20}pass|sshpass|-p['\"]",
        is_password,
    ),
    Form(
        "PASSWORD",
        r"(?i)(?:curl|wget|http)\s[^\n]{0,200}?(?:-u|--user)[ =]['\"]?[^\s:'\"]{1,60}:"
        r"(?P<value>[^\s'\"@]{3,100})",
        r"-u |--user",
        is_literal,
    ),
    Form(
        "PASSWORD",
        r"(?i)(?:identified\s(?:with\s\w{1,40}\s)?by|with\s(?:encrypted\s)?password|set\spassword"
        r"(?:\sfor\s[^=]{1,60})?\s?=)\s{1,4}'(?P<value>[^'\s]{4,128})'",
        r"identified|password",
        is_literal,
    ),
    Form(
        "PASSWORD",
        r"(?i)machine\s{1,4}\S{1,100}\s{1,4}login\s{1,4}\S{1,100}\s{1,4}password\s{1,4}"
        r"(?P<value>\S{4,128})",
        r"machine ",
        is_literal,
    ),
    Form(
        "PASSWORD",
        r"(?i)(?<![a-z])(?:pin|puk|tan)(?:[ \-]?(?:code|nummer|number|kod|kode))?"
        r"\s{0,3}+(?::|=|\bis\b|\bist\b|\blautet\b|\best\b|\bes\b|\bè\b|\bjest\b)\s{1,3}+"
        r"(?P<value>\d{4,8})(?![\w.,])",
        r"pin|puk|tan",
    ),
    Form(
        "SECRET",
        _KEY_WORD + _ASSIGNED + r"[\"'`]?(?P<value>[A-Za-z0-9+/_.=~\-]{16,512}+)",
        _KEY_TRIGGER,
        is_random,
    ),
    Form(
        "SECRET",
        _KEY_WORD + _TOLD + r"[\"'`]?(?P<value>[A-Za-z0-9+/_.=~\-]{16,512}+)",
        _KEY_TRIGGER,
        is_random,
    ),
    Form(
        "SECRET",
        r"(?i)(?<![\w-])--(?:api-?key|token|secret|access-?key|auth-?token)[ =]['\"]?"
        r"(?P<value>[A-Za-z0-9+/_.=~\-]{16,512}+)",
        r"--[a-z\-]{0,12}(?:key|token|secret)",
        is_random,
    ),
    Form(
        "RECOVERY_PHRASE",
        r"(?i)(?:seed|recovery|mnemonic|backup|wiederherstellungs|récupération|recuperación|recupero)"
        r"[\s\-]?(?:phrase|words|phrasen?|wörter|frase)?[^\n:=]{0,40}[:=]\s{0,3}[\"'`]?"
        r"(?P<value>(?:[a-z]{3,8}[ ,\n]{1,2}){11,23}[a-z]{3,8})(?![a-z])",
        r"seed|recovery|mnemonic|backup|wiederherstellungs|recuper",
    ),
    Form(
        "CONNECTION_STRING",
        r"(?<![A-Za-z0-9+.\-])[A-Za-z][A-Za-z0-9+.\-]{1,30}+://[^\s:@/\"'<>]{0,100}+"
        r":(?P<value>[^\s@/\"'<>]{1,200}+)@[\w\[]",
        r"://",
        is_literal,
    ),
)
"""Every form that needs something beside it."""
