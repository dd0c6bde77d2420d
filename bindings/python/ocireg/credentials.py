"""Credentials."""

from __future__ import annotations

from typing import TypedDict


class Credentials(TypedDict, total=False):
    """The caller's credentials: username and password, or identity_token, or token. What a credentials callback returns."""

    # with password: for Basic and for the host's token server; or with identity_token, if known
    username: str | None
    # with username
    password: str | None
    # a refresh token for the host's token server; a new one issued by the server replaces it
    identity_token: str | None
    # a bearer token, used as it is
    token: str | None
