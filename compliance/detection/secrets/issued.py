"""Forms of keys and tokens that an issuer gives a form of its own.

The form is what the issuer documents (secret scanning pages of GitHub, GitLab, Slack, Google,
Stripe, npm and PyPI, and those of the services named in each row; RFC 7519 for JWT, RFC 7468
for PEM, BIP 32 for keys of wallets).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from stdnum import bitcoin

from compliance.detection.secrets.credential import (
    END,
    START,
    Form,
    is_random,
    is_random_hex,
    is_random_key,
)


def _is_basic(value: str) -> bool:
    """Base64 of `user:password` (RFC 7617)."""
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded and decoded.isascii()


def _is_wallet_key(value: str) -> bool:
    """Base58 with the first four bytes of a double SHA-256 behind."""
    try:
        raw = bitcoin.b58decode(value)
    except ValueError:
        return False
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def _is_model_key(value: str) -> bool:
    """Capitals and digits throughout, or a long run of hexadecimal behind the prefix."""
    return is_random_key(value) or (_HEXADECIMAL.search(value) is not None and is_random(value))


_HEXADECIMAL = re.compile(r"[a-z0-9]{32,}$")

_MODELS = (
    r"sk-[A-Za-z0-9_\-]{20,250}|hf_[A-Za-z0-9]{30,60}|gsk_[A-Za-z0-9]{40,60}|r8_[A-Za-z0-9]{37}"
    r"|xai-[A-Za-z0-9]{60,90}|pplx-[A-Za-z0-9]{40,60}|nvapi-[A-Za-z0-9_\-]{60,80}"
    r"|csk-[a-z0-9]{40,60}|lsv2_[ps][tk]_[a-z0-9]{32}_[a-z0-9]{10}|pcsk_[A-Za-z0-9_]{50,80}"
    r"|fw_[A-Za-z0-9]{22,30}|tgp_v1_[A-Za-z0-9_\-]{40,50}|jina_[A-Za-z0-9_\-]{50,70}"
    r"|pa-[A-Za-z0-9_\-]{43}|ABSK[A-Za-z0-9+/]{100,200}={0,2}"
)
_CLOUDS = (
    # DigitalOcean, Alibaba, Tencent, Scaleway, Databricks, PlanetScale, Supabase, Heroku, Azure
    r"do[opr]_v1_[a-f0-9]{64}|LTAI[A-Za-z0-9]{12,20}|AKID[A-Za-z0-9]{32}|SCW[A-Z0-9]{17}"
    r"|dapi[a-f0-9]{32}(?:-\d)?|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_\-.]{32,64}"
    r"|sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_\-]{20,60}|HRKU-[A-Za-z0-9_\-]{36,70}"
    r"|[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.\-]{31,34}|FlyV1 fm[12]_[A-Za-z0-9+/=,]{60,800}"
    r"|nfp_[A-Za-z0-9]{36,46}|hv[sbr]\.[A-Za-z0-9_\-]{24,300}"
    r"|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-=]{60,70}|tskey-[a-z]+-[A-Za-z0-9]+-[A-Za-z0-9]{20,50}"
    r"|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._\-]{40,80}|pul-[a-f0-9]{40}|ops_eyJ[A-Za-z0-9_\-]{200,900}"
)
_SERVICES = (
    # SendGrid, Mailgun, Mailchimp, Brevo, Twilio, Telegram, Discord, Square, Shopify, Adyen
    # and Facebook
    r"SG\.[A-Za-z0-9_\-]{20,24}\.[A-Za-z0-9_\-]{40,46}|key-[a-f0-9]{32}|[a-f0-9]{32}-us\d{1,2}"
    r"|xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}|SK[a-f0-9]{32}|\d{8,10}:AA[A-Za-z0-9_\-]{33}"
    r"|[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}"
    r"|sq0[a-z]{3}-[A-Za-z0-9_\-]{22,43}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"
    r"|AQE[A-Za-z0-9+/]{20,60}\^[^\s]{10,60}|EAA[A-Za-z0-9]{90,250}"
    # Atlassian, Bitbucket, Linear, Notion, Figma, Airtable, Dropbox, Postman, Asana
    r"|AT[AC]TT3[A-Za-z0-9_\-=]{100,250}|ATBB[A-Za-z0-9]{32}|lin_(?:api|oauth)_[A-Za-z0-9]{32,64}"
    r"|ntn_[A-Za-z0-9]{40,50}|secret_[A-Za-z0-9]{43}|figd_[A-Za-z0-9_\-]{40,50}"
    r"|pat[A-Za-z0-9]{14}\.[a-f0-9]{64}|sl\.[A-Za-z0-9_\-]{130,200}"
    r"|PMAK-[a-f0-9]{24}-[a-f0-9]{34}"
    # New Relic, Grafana, Sentry, CircleCI, Buildkite, SonarQube, Mapbox, Artifactory
    r"|NRAK-[A-Z0-9]{27}|gl(?:sa|c)_[A-Za-z0-9+/=_]{32,200}|sntry[su]_[A-Za-z0-9+/=_]{40,300}"
    r"|CCIPAT_[A-Za-z0-9_]{40,80}|bkua_[a-z0-9]{40}|sq[pau]_[a-f0-9]{40}"
    r"|sk\.eyJ[A-Za-z0-9_\-]{20,200}\.[A-Za-z0-9_\-]{20,40}|AKCp[A-Za-z0-9]{60,80}"
    r"|discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_\-]{60,80}"
)
_MODELS_TRIGGER = (
    r"sk-[a-z0-9]|hf_[a-z0-9]|gsk_|r8_[a-z0-9]|xai-|pplx-|nvapi-|csk-|lsv2_|pcsk_|fw_[a-z0-9]"
    r"|tgp_v1|jina_|pa-[a-z0-9_\-]{43}|absk"
)
_CLOUDS_TRIGGER = (
    r"do[opr]_v1_|ltai[a-z0-9]{12}|akid[a-z0-9]{20}|scw[a-z0-9]{17}|dapi[a-f0-9]{20}|pscale_|sbp_"
    r"|sb_secret_|hrku-|[0-9]q~|flyv1 fm|nfp_|hv[sbr]\.[a-z0-9_]{8}|\.atlasv1\.|tskey-"
    r"|dp\.[a-z]{2,5}\.|pul-[a-f0-9]|ops_eyj"
)
_SERVICES_TRIGGER = (
    r"sg\.[a-z0-9_\-]{20}|key-[a-f0-9]{20}|[a-f0-9]{20}-us[0-9]|xkeysib-|sk[a-f0-9]{32}|:aa[a-z0-9_\-]{20}"
    r"|\.[a-z0-9_\-]{6}\.[a-z0-9_\-]{27}|sq0[a-z]{3}-|shp(?:at|ca|pa|ss)_|aqe[a-z0-9+/]{20}"
    r"|eaa[a-z0-9]{40}|at[ac]tt3|atbb|lin_(?:api|oauth)_|ntn_|secret_[a-z0-9]{20}|figd_"
    r"|pat[a-z0-9]{14}\.|sl\.[a-z0-9_\-]{60}|pmak-|nrak-|gl(?:sa|c)_|sntry[su]_|ccipat_|bkua_|sq[pau]_"
    r"|sk\.eyj|akcp|/api/webhooks/"
)

FORMS: tuple[Form, ...] = (
    Form(
        "AWS_ACCESS_KEY",
        START + r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}" + END,
        r"(?:akia|asia|abia|acca|aroa|aida)[a-z0-9]{16}",
    ),
    Form(
        "GITHUB_TOKEN",
        START + r"(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{36,251})" + END,
        r"gh[pousr]_|github_pat_",
    ),
    Form(
        "GITLAB_TOKEN",
        START + r"(?:gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|imt|ffct)-[A-Za-z0-9_.\-]{20,300}"
        r"|GR1348941[A-Za-z0-9_\-]{20})" + END,
        r"gl[a-z]{2,5}-|gr1348941",
    ),
    Form(
        "SLACK_TOKEN",
        START
        + r"(?:xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9\-]{10,250}|xapp-[A-Za-z0-9\-]{20,250}"
        r"|hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/]{20,100})" + END,
        r"xox[a-z]|xapp-|hooks\.slack\.com",
    ),
    Form(
        "GOOGLE_API_KEY",
        START + r"(?:AIza[A-Za-z0-9_\-]{35}|GOCSPX-[A-Za-z0-9_\-]{28}"
        r"|ya29\.[A-Za-z0-9_\-]{20,300}|1//0[A-Za-z0-9_\-]{40,120})" + END,
        r"aiza|gocspx-|ya29\.|1//0",
    ),
    Form("MODEL_API_KEY", START + f"(?:{_MODELS})" + END, _MODELS_TRIGGER, _is_model_key),
    Form(
        "DOMICILE_API_KEY",
        START + r"dom_[A-Za-z0-9\-]{8,24}_[A-Za-z0-9_\-]{32,64}" + END,
        r"dom_[a-z0-9]",
    ),
    Form(
        "STRIPE_KEY",
        START
        + r"(?:(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,120}|whsec_[A-Za-z0-9]{24,120})"
        + END,
        r"[sr]k_(?:live|test)_|whsec_",
    ),
    Form("CLOUD_API_KEY", START + f"(?:{_CLOUDS})" + END, _CLOUDS_TRIGGER, is_random_hex),
    Form("SERVICE_API_KEY", START + f"(?:{_SERVICES})" + END, _SERVICES_TRIGGER, is_random_hex),
    Form(
        "JSON_WEB_TOKEN",
        START
        + r"eyJ[A-Za-z0-9_\-]{8,20000}+\.eyJ[A-Za-z0-9_\-]{8,20000}+\.[A-Za-z0-9_\-]{0,20000}+",
        r"eyj[a-z0-9_\-]{8}",
    ),
    Form(
        "PRIVATE_KEY",
        r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[^-]|-(?!----)){0,20000}+(?:-----END [A-Z0-9 ]{0,50}-----)?",
        r"-----begin ",
    ),
    Form(
        "PRIVATE_KEY",
        START + r"(?:AGE-SECRET-KEY-1[A-Z0-9]{58}|PuTTY-User-Key-File-[23]: [^\n]{1,60}\n"
        r"(?:[^\n]{0,200}\n){1,80}?Private-MAC: [a-f0-9]{40,64})" + END,
        r"age-secret-key-1|putty-user-key-file-",
    ),
    Form(
        "PRIVATE_KEY",
        START + r"(?:[5KL][1-9A-HJ-NP-Za-km-z]{50,51}|[xyz]prv[1-9A-HJ-NP-Za-km-z]{107})" + END,
        r"[5kl][1-9a-z]{50}|[xyz]prv[1-9a-z]{60}",
        _is_wallet_key,
    ),
    Form(
        "AUTHORIZATION_HEADER",
        r"(?<!\w)(?i:basic)\s{1,4}+(?P<value>[A-Za-z0-9+/]{8,4000}+={0,2})(?![\w=])",
        r"basic ",
        _is_basic,
    ),
    Form(
        "AUTHORIZATION_HEADER",
        r"(?<!\w)(?i:bearer|ssws|authorization:\s{0,2}+token)\s{1,4}+"
        r"(?P<value>[A-Za-z0-9+/_.~\-]{16,4000}+={0,2})",
        r"bearer |ssws |authorization: *token ",
        is_random,
    ),
    Form(
        "AZURE_STORAGE_KEY",
        r"(?:AccountKey|SharedAccessKey)\s{0,3}=\s{0,3}(?P<value>[A-Za-z0-9+/]{40,100}={0,2})",
        r"accountkey|sharedaccesskey",
    ),
    Form(
        "AZURE_SHARED_ACCESS_SIGNATURE",
        r"[?&]sig=(?P<value>[A-Za-z0-9%+/]{40,120}={0,2})",
        r"sig=",
    ),
    Form(
        "REGISTRY_TOKEN",
        START + r"(?:npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_\-]{50,250}"
        r"|dckr_[po]at_[A-Za-z0-9_\-]{27,40}|rubygems_[a-f0-9]{48}|oy2[a-z0-9]{43}|cio[A-Za-z0-9]{32})"
        + END,
        r"npm_[a-z0-9]{20}|pypi-age|dckr_[po]at_|rubygems_|oy2[a-z0-9]{43}|cio[a-z0-9]{32}",
        is_random_hex,
    ),
    Form(
        "PASSWORD",  # what systems keep of one, from which short ones can be found again
        r"(?<![\w$])(?:\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\$(?:1|5|6|y|7)\$[./A-Za-z0-9=,$]{20,200}"
        r"|\$argon2(?:id?|d)\$[A-Za-z0-9+/=,.$\-]{30,300}|pbkdf2_sha\d{1,3}\$\d{1,9}\$[^\s\"']{20,200})",
        r"\$2[abxy]\$|\$[1567y]\$|\$argon2|pbkdf2_sha",
    ),
)
"""Every form that tells by itself what it is."""
