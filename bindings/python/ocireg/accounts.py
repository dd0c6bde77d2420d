"""Credentials: trying, keeping and explaining them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._caller import Caller, text

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import CallOptions, LoginOptions, LogoutOptions, TokenOptions
    from .results import Explanation, Login, Logout, Token
    from .types import Name


class Accounts(Caller):
    """Calls for credentials at a registry, HOST[:PORT]."""

    def login(self, registry: Name, **options: Unpack[LoginOptions]) -> Login:
        """Tries credentials out at a registry, and keeps them where Docker's tools do: `ocireg_login`."""
        result: Login = self._invoke("ocireg_login", text("registry", registry), options=options)
        return result

    def logout(self, registry: Name, **options: Unpack[LogoutOptions]) -> Logout:
        """Removes what is kept for a registry: `ocireg_logout`."""
        result: Logout = self._invoke("ocireg_logout", text("registry", registry), options=options)
        return result

    def explain(self, reference: Name, **options: Unpack[CallOptions]) -> Explanation:
        """Says what a call for a reference would use, and where that was set: `ocireg_explain`."""
        result: Explanation = self._invoke("ocireg_explain", text("reference", reference), options=options)
        return result

    def token(self, repository: Name, **options: Unpack[TokenOptions]) -> Token:
        """Gets the authorization of a repository for the program's own requests, a secret: `ocireg_token`."""
        result: Token = self._invoke("ocireg_token", text("repository", repository), options=options)
        return result
