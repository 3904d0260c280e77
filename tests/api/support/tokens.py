"""Tokens made by hand, right and wrong (RFC 7515, RFC 7519)."""

import base64
import hashlib
import hmac
import json
import time

_DIGESTS = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


def encode(data):
    """base64url without padding."""
    if not isinstance(data, bytes):
        data = data.encode() if isinstance(data, str) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parts(token):
    """Header and claims of a token, unchecked."""
    header, claims, _ = token.split(".")
    return json.loads(decode(header)), json.loads(decode(claims))


def claims_of(user_id, **changes):
    """The claims of a good token; a change to None takes the claim away."""
    now = int(time.time())
    claims = {"sub": str(user_id), "iat": now, "exp": now + 600, "jti": f"by-hand-{user_id}-{now}"}
    claims.update(changes)
    return {name: value for name, value in claims.items() if value is not None}


def sign(claims, key, alg="HS256", header=None, digest=None):
    """A signed token. `claims` and `header` may be text or bytes, to be anything but JSON."""
    if header is None:
        header = {"alg": alg, "typ": "JWT"}
    signed = f"{encode(header)}.{encode(claims)}"
    method = _DIGESTS[(digest or alg)[-3:]]
    signature = hmac.new(key.encode(), signed.encode(), method).digest()
    return f"{signed}.{encode(signature)}"
