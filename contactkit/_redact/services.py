"""The published shapes of secrets of well-known services: a table.

Each row has signs, one of which every such secret contains in any case, and the pattern. The shapes
are those of the services' own pages and of the lists that secret scanners publish.
"""

from __future__ import annotations

import re

_ID = r"[A-Za-z0-9_-]"
_HEX = r"[0-9a-fA-F]"

SERVICES: dict[str, tuple[str, str]] = {
    # Source code and packages
    "github": ("ghp_ gho_ ghu_ ghs_ ghr_", rf"gh[opusr]_{_ID}{{16,}}"),
    "github-fine": ("github_pat_", r"github_pat_\w{20,}"),
    "gitlab": (
        "glpat- gloas- gldt- glrt- glcbt- glptt- glft- glimt- glagent- glsoat- glffct-",
        rf"gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct)-{_ID}{{16,}}",
    ),
    "bitbucket": ("atbb", r"ATBB[A-Za-z0-9]{24,}"),
    "atlassian": ("atatt", rf"ATATT3[{'A-Za-z0-9_=-'}]{{40,}}"),
    "npm": ("npm_", r"npm_[A-Za-z0-9]{16,}"),
    "pypi": ("pypi-", rf"pypi-Ag[{'A-Za-z0-9_-'}]{{20,}}"),
    "rubygems": ("rubygems_", rf"rubygems_{_HEX}{{32,}}"),
    "docker": ("dckr_", rf"dckr_(?:pat|oat)_{_ID}{{20,}}"),
    "crates": ("cio", r"cio[A-Za-z0-9]{32}"),
    "nuget": ("oy2", r"oy2[a-z0-9]{43}"),
    "clojars": ("clojars_", r"CLOJARS_[a-z0-9]{40,}"),
    "sonar": ("sqp_ sqa_ squ_", rf"sq[pau]_{_HEX}{{40}}"),
    "terraform": (".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}"),
    "pulumi": ("pul-", rf"pul-{_HEX}{{32,}}"),
    "vault": ("hvs. hvb. hvr.", rf"hv[sbr]\.{_ID}{{20,}}"),
    "doppler": ("dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9.]{16,}"),
    "1password": ("ops_", r"ops_eyJ[A-Za-z0-9+/=_-]{40,}"),
    "age": ("age-secret-key-", r"AGE-SECRET-KEY-1[A-Z0-9]{20,}"),
    "circleci": ("ccipat_", rf"CCIPAT_{_ID}{{20,}}"),
    "buildkite": ("bkua_", r"bkua_[a-z0-9]{20,}"),
    # Clouds
    "aws": (
        "akia asia abia acca agpa aroa aida anpa",
        r"(?:AKIA|ASIA|ABIA|ACCA|AGPA|AROA|AIDA|ANPA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    ),
    "google": ("aiza", r"AIza[\w-]{30,}"),
    "google-oauth": ("ya29.", r"ya29\.[\w.-]{16,}"),
    "google-refresh": ("1//0", r"1//0[\w-]{20,}"),
    "google-client": ("gocspx-", r"GOCSPX-[\w-]{20,}"),
    "azure-key": ("accountkey", r"(?<=AccountKey=)[A-Za-z0-9+/]{40,}={0,2}"),
    "azure-app": ("q~", r"[A-Za-z0-9_.~-]{3}\dQ~[A-Za-z0-9_.~-]{31,}"),
    "azure-sas": ("sig=", r"(?<=[?&]sig=)[A-Za-z0-9%+/]{20,}(?:=|%3D)*"),
    "digitalocean": ("_v1_", rf"do[opr]_v1_{_HEX}{{32,}}"),
    "heroku": ("hrku-", r"HRKU-[\w-]{20,}"),
    "cloudflare": ("v1.0-", rf"v1\.0-{_HEX}{{24}}-{_HEX}{{100,}}"),
    "fly": ("fm1 fm2 flyv1", r"fm[12][ar]?_[A-Za-z0-9+/=_-]{40,}|FlyV1 \S{20,}"),
    "alibaba": ("ltai", r"LTAI[A-Za-z0-9]{16,}"),
    "yandex": ("aqvn", r"AQVN[\w-]{35,}"),
    "databricks": ("dapi", rf"dapi{_HEX}{{32}}(?:-\d)?"),
    "supabase": ("sbp_ sb_", rf"sb(?:p|_secret|_publishable)_{_ID}{{20,}}"),
    "planetscale": ("pscale_", r"pscale_(?:tkn|pw|oauth)_[\w.=-]{20,}"),
    "neon": ("napi_", r"napi_[a-z0-9]{40,}"),
    "grafana": ("glsa_ glc_", r"glsa_[A-Za-z0-9]{20,}_?\w*|glc_[A-Za-z0-9+/=]{20,}"),
    "newrelic": ("nrak- nraa- nrii- nrjs- nrbr-", rf"NR(?:AK|AA|II|JS|BR)-{_ID}{{16,}}"),
    "sentry": ("sntry", r"sntry[su]_[A-Za-z0-9+/=_-]{20,}"),
    "dynatrace": ("dt0", r"dt0[a-z]\d{2}\.[A-Z0-9]{20,}\.[A-Z0-9]{20,}"),
    # Payments and commerce
    "stripe": ("k_", rf"[spr]k_(?:live|test|prod)_{_ID}{{10,}}"),
    "stripe-webhook": ("whsec_", r"whsec_[A-Za-z0-9+/=]{10,}"),
    "square": ("sq0", rf"sq0[a-z]{{3}}-{_ID}{{20,}}"),
    "square-token": ("eaaa", r"EAAA[\w-]{56,}"),
    "shopify": ("shpat_ shpca_ shppa_ shpss_ shptka_", rf"shp(?:at|ca|pa|ss|tka)_{_ID}{{16,}}"),
    "braintree": (
        "access_token$",
        rf"access_token\$(?:production|sandbox)\$[0-9a-z]{{16}}\${_HEX}{{32}}",
    ),
    "plaid": ("access-", rf"access-(?:sandbox|development|production)-{_HEX}{{8}}-[0-9a-f-]{{27}}"),
    "adyen": ("aqe", r"AQE[\w+/-]{40,}={0,2}"),
    "razorpay": ("rzp_", r"rzp_(?:live|test)_[A-Za-z0-9]{10,}"),
    "flutterwave": ("flwseck", r"FLWSECK(?:_TEST)?-[\w-]{12,}"),
    "easypost": ("ezak eztk", r"EZ[AT]K[A-Za-z0-9]{50,}"),
    "shippo": ("shippo_", r"shippo_(?:live|test)_[a-fA-F0-9]{30,}"),
    # Messages and mail
    "slack": ("xox", r"xox[a-z](?:\.xox[a-z])?-[\w.-]{10,}"),
    "slack-app": ("xapp-", r"xapp-\d-[\w-]{20,}"),
    "slack-webhook": (
        "hooks.slack.com",
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[\w/%-]+",
    ),
    "discord": ("discord", r"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]+"),
    "discord-bot": (".", r"[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,}"),
    "teams": ("webhook.office.com", r"[\w.-]*webhook\.office\.com/webhookb2/[\w@/%-]+"),
    "power-automate": (
        ".logic.azure.com",
        r"[\w.-]+\.logic\.azure\.com(?::\d+)?/workflows/[\w/]+(?:\?[^\s\"'<>]+)?",
    ),
    "google-chat": ("chat.googleapis.com", r"chat\.googleapis\.com/v1/spaces/[^\s\"'<>]+"),
    "zapier": ("hooks.zapier.com", r"hooks\.zapier\.com/hooks/(?:catch|standard)/[\w/]+"),
    "make": (".make.com", r"hook\.(?:\w+\.)?make\.com/\w{16,}"),
    "ifttt": ("maker.ifttt.com", r"maker\.ifttt\.com/(?:trigger|use)/[\w/%-]+"),
    "mattermost": ("/hooks/", r"(?<=/hooks/)[a-z0-9]{26}\b"),
    "telegram": (":aa", r"(?<!\d)\d{8,10}:AA[\w-]{32,34}"),
    "twilio": ("sk", rf"SK{_HEX}{{32}}(?!{_HEX})"),
    "twilio-account": ("ac", rf"AC{_HEX}{{32}}(?!{_HEX})"),
    "sendgrid": ("sg.", r"SG\.[\w-]{10,}(?:\.[\w-]{10,})?"),
    "mailgun": ("key-", r"(?:priv|pub)?key-[0-9a-f]{32}"),
    "mailchimp": ("-us", rf"{_HEX}{{32}}-us\d{{1,2}}\b"),
    "brevo": ("xkeysib-", r"xkeysib-[0-9a-f]{40,}-\w{10,}"),
    "postmark": ("pm-", r"PM-[A-Z]+-[\w-]{20,}"),
    "resend": ("re_", r"re_[A-Za-z0-9]{8,}_[A-Za-z0-9]{16,}"),
    "klaviyo": ("pk_", r"pk_[0-9a-f]{34}"),
    "intercom": ("dg9r", r"dG9r[A-Za-z0-9+/=]{40,}"),
    "hubspot": ("pat-", rf"pat-(?:na|eu|ap)\d-{_HEX}{{8}}-[0-9a-f-]{{27}}"),
    "airtable": ("pat", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{40,}"),
    "salesforce": ("00d", r"00D[A-Za-z0-9]{12,15}![\w.]{40,}"),
    "zendesk": ("/token:", r"(?<=/token:)[A-Za-z0-9]{30,}"),
    "vonage": ("vna", r"VNA[A-Za-z0-9]{40,}"),
    "messagebird": ("accesskey", r"(?i:(?<=accesskey )[A-Za-z0-9]{20,25})"),
    "telnyx": ("key0", r"KEY0[A-F0-9]{20,}_\w{10,}"),
    "nexmo": ("api_secret", r"(?<=api_secret=)\w{8,}"),
    # Work and design
    "notion": ("secret_ ntn_", r"(?:secret|ntn)_[A-Za-z0-9]{40,}"),
    "linear": ("lin_", r"lin_(?:api|oauth|wh)_[A-Za-z0-9]{30,}"),
    "figma": ("figd figo figu", rf"fig[dou][a-z]?_{_ID}{{20,}}"),
    "asana": ("/", r"(?<![\w/])[12]/\d{13,}(?:/\d{13,})?:[0-9a-f]{32}"),
    "typeform": ("tfp_", r"tfp_[\w.=-]{40,}"),
    "dropbox": ("sl.", r"(?<![\w.])sl\.(?:u\.)?[\w-]{100,}"),
    "contentful": ("cfpat-", r"CFPAT-[\w-]{40,}"),
    "postman": ("pmak-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{30,}"),
    "readme": ("rdme_", r"rdme_[a-z0-9]{60,}"),
    "launchdarkly": ("sdk- api- mob-", r"(?:sdk|api|mob)-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{22}"),
    "prefect": ("pnu_", r"pnu_[A-Za-z0-9]{30,}"),
    "segment": ("sgp_", r"sgp_[A-Za-z0-9]{40,}"),
    "mapbox": ("k.eyj", r"[ps]k\.eyJ[\w-]{20,}\.[\w-]{10,}"),
    # Models
    "openai": ("sk-", rf"sk-(?:proj-|svcacct-|admin-|None-)?{_ID}{{20,}}"),
    "anthropic": ("sk-ant-", r"sk-ant-[\w-]{20,}"),
    "huggingface": ("hf_", r"(?:api_org|hf)_[A-Za-z0-9]{16,}"),
    "replicate": ("r8_", r"r8_[A-Za-z0-9]{30,}"),
    "groq": ("gsk_", r"gsk_[A-Za-z0-9]{40,}"),
    "perplexity": ("pplx-", r"pplx-[A-Za-z0-9]{40,}"),
    "xai": ("xai-", r"xai-[A-Za-z0-9]{60,}"),
    # Social and identity
    "facebook": ("eaa", r"EAA[A-Za-z0-9]{40,}"),
    "instagram": ("igqv", r"IGQV[\w-]{40,}"),
    "twitter": ("aaaaaaaaa", r"A{20,}[A-Za-z0-9%]{50,}"),
    "linkedin": ("wpl_", r"WPL_AP\d\.[\w.=]{16,}"),
    "okta": ("00", r"(?<![\w-])00[A-Za-z0-9_-]{40}(?![\w-])"),
    "pushed-request": ("request_uri:", r"urn:ietf:params:oauth:request_uri:[\w.~-]{8,}"),
    # Stored passwords
    "crypt": ("$", r"\$(?:2[abxy]|5|6|y|1|argon2(?:id|i|d)|pbkdf2[\w-]*|scrypt)\$[\w./$+=,-]{16,}"),
    "totp": ("otpauth://", r"otpauth://[ht]otp/\S+"),
}
# One row a sign, since most texts are short and contain none.
PATTERNS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (
        sign,
        name,
        re.compile(pattern if pattern.startswith("(?<") else rf"(?<![A-Za-z0-9_])(?:{pattern})"),
    )
    for name, (signs, pattern) in SERVICES.items()
    for sign in signs.split()
)
