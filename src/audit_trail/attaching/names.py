"""What names of tables and columns tell by convention; it guesses, and knows no database."""

import re
from collections.abc import Mapping
from typing import Final

_IRREGULAR: Final = {
    "people": "person",
    "children": "child",
    "statuses": "status",
    "aliases": "alias",
    "buses": "bus",
    "bonuses": "bonus",
    "caches": "cache",
    "indices": "index",
    "matrices": "matrix",
    "quizzes": "quiz",
    "analyses": "analysis",
}
_UNCOUNTED: Final = ("ss", "us", "is", "sms", "news", "series", "data", "status")
_SECRET: Final = re.compile(
    r"(^|_)(password|passwd|passphrase|pwd|secrets?|tokens?|credentials?|salt|otp|totp|pin|private"
    r"|jwt|hmac|cookies?|nonce)(_|$)|digest$|^encrypted_|_(encrypted|ciphertext)$|api_?keys?(_|$)"
    r"|(^|_)keys?$",
)
_CONFIGURATION: Final = re.compile(r"(^|_)(config|configuration|connection)$")
_ABOUT_A_SECRET: Final = re.compile(r"_(at|on|count|type|expires_in)$")
_HARMLESS_TYPES: Final = ("BOOL", "TIMESTAMP", "DATE", "TIME")

LABELS: Final[tuple[str, ...]] = (
    *("name", "title", "display_name", "full_name", "label", "subject", "email", "email_address"),
    *("username", "login", "slug", "short_code", "code", "filename", "phone_number", "url"),
    *("website_url", "domain", "description"),
)
"""What names a record, the best first."""

ACCOUNTS: Final[tuple[str, ...]] = (
    *("accounts", "account", "tenants", "organizations", "organisations", "workspaces"),
    "companies",
)
"""What a table of tenants is called, the likeliest first."""

TIMES: Final = frozenset(
    {"created_at", "updated_at", "created_on", "updated_on", "inserted_at", "modified_at"}
)

_IGNORED: Final = (
    (
        (
            r"schema_migrations|ar_internal_metadata|django_migrations|alembic_version|flyway_schema_history"
            r"|knex_migrations(_lock)?|_prisma_migrations|goose_db_version"
        ),
        "the schema's own version, which only a migration writes",
    ),
    (r"sessions|django_session|active_sessions", "who is signed in now, and their secrets"),
    (
        (
            r"delayed_jobs|good_job\w*|solid_queue_\w+|que_\w+|queue_classic_jobs|oban_\w+|background_jobs"
            r"|celery_\w+|django_celery_\w+|jobs|failed_jobs|job_batches"
        ),
        "a queue, which tells of work and of no decision",
    ),
    (r"solid_cache_\w+|solid_cable_\w+|cache|cache_locks", "a cache, which anybody may empty"),
    (r"audits|versions|audit_logs|activity_log", "the application's own log of changes"),
    (r"ahoy_\w+|pghero_\w+|blazer_audits|pg_search_documents", "statistics, which nobody decides"),
    (r"django_content_type|auth_permission", "what the framework itself fills in"),
    (r"spatial_ref_sys", "an extension's own table"),
)


def singular(name: str) -> str:
    """Return what one of the table's records is called: inboxes hold an inbox."""
    head, sign, last = name.rpartition("_")
    return head + sign + _one(last)


def _one(word: str) -> str:
    lower = word.lower()
    if lower in _IRREGULAR:
        return _IRREGULAR[lower]
    if lower.endswith(_UNCOUNTED):
        return word
    if lower.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if lower.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    return word.removesuffix("s")


def class_of(table: str, prefix: str) -> str:
    """Guess the class in Ruby of the table's records: channel_web_widgets hold a Channel::WebWidget."""
    words = [prefix, singular(table).removeprefix(f"{prefix}_")]
    return "::".join("".join(part.title() for part in word.split("_")) for word in words)


def is_class_of(value: str, table: str) -> bool:
    """Tell whether a value is the class of the table's records: Channel::WebWidget, channel_web_widget."""
    return spelled(value.replace("::", "_")) in (table, singular(table))


def is_secret(column: str, declared: str) -> bool:
    """Tell whether a column may hold a secret: rather one too many."""
    name = spelled(column)
    if declared.startswith(_HARMLESS_TYPES) or _ABOUT_A_SECRET.search(name):
        return False
    return bool(_SECRET.search(name) or ("JSON" in declared and _CONFIGURATION.search(name)))


def spelled(name: str) -> str:
    """Spell accessToken as access_token."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def why_ignored(table: str) -> str | None:
    """Return why nobody wants a table of this name recorded, where that is so."""
    return next((why for names, why in _IGNORED if re.fullmatch(names, table)), None)


def pairs_of(types: Mapping[str, str]) -> list[str]:
    """Name the polymorphic pairs: sender of sender_type and sender_id."""
    heads = (column.removesuffix("_type") for column in types if column.endswith("_type"))
    return sorted(head for head in heads if f"{head}_id" in types)
