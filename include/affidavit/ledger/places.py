"""Where something lies, as it may be shown."""


def shown(url: str) -> str:
    """``url`` without password and query, fit for messages.

    Cut at the last ``@``: a password with an unquoted ``@`` would leave its end in what a parser takes for the host.
    """
    scheme, separator, rest = url.partition("://")
    login, at, place = rest.partition("?")[0].rpartition("@")
    return scheme + separator + login.partition(":")[0] + at + place
