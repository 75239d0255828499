"""What PostgreSQL keeps of a password, computed here, so that no password in clear reaches the server or its log."""

import base64
import hashlib
import hmac
import secrets
import stringprep
import unicodedata

_MECHANISM = "SCRAM-SHA-256"
# The server's default (scram_iterations): each login pays for it.
_ITERATIONS = 4096
_SALT_BYTES = 16
# RFC 4013, 2.3; PostgreSQL's pg_saslprep takes the password as it is where one of these stands in it.
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


def verifier(password: str, salt: bytes | None = None, iterations: int = _ITERATIONS) -> str:
    """Return the text for ALTER ROLE ... PASSWORD, which a server keeps as it is (RFC 5803).

    Raises ValueError for an empty password, with which PostgreSQL lets nobody in.
    """
    if not password:
        raise ValueError("a password may not be empty: PostgreSQL lets nobody in with one")
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(password).encode(), salt, iterations)
    stored = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    return f"{_MECHANISM}${iterations}:{_text(salt)}${_text(stored)}:{_text(_keyed(salted, b'Server Key'))}"


def matches(kept: str | None, password: str) -> bool:
    """Tell whether the server lets somebody in with this password; a verifier that is no SCRAM's never matches."""
    try:
        mechanism, parameters, _ = (kept or "").split("$")
        iterations, salt = parameters.split(":")
        if mechanism != _MECHANISM or not password:
            return False
        wanted = verifier(password, base64.b64decode(salt), int(iterations))
    except ValueError:
        return False
    return hmac.compare_digest(wanted, kept or "")


def _keyed(salted: bytes, name: bytes) -> bytes:
    return hmac.digest(salted, name, "sha256")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _prepared(password: str) -> str:
    """Return the password as clients and server normalise it (SASLprep, RFC 4013)."""
    spaced = (" " if stringprep.in_table_c12(letter) else letter for letter in password)
    kept = "".join(letter for letter in spaced if not stringprep.in_table_b1(letter))
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", kept)
    if not normal or any(table(letter) for letter in normal for table in _PROHIBITED):
        return password
    from_right = [stringprep.in_table_d1(letter) for letter in normal]
    if any(from_right):
        mixed = any(stringprep.in_table_d2(letter) for letter in normal)
        if mixed or not (from_right[0] and from_right[-1]):
            return password
    return normal
