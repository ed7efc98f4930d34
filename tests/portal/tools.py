"""How a person uses the page."""

import re
from typing import Any

from django.test import Client

from dunning.core import clock


def form_of(answer: Any) -> dict[str, str]:
    """The hidden fields of the page's form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', answer.content.decode()))


def send(browser: Client, now: clock.VirtualClock, act: str, query: str = "", wait: float = 3, **typed: Any) -> Any:
    """Open the form, wait, and send it."""
    hidden = form_of(browser.get(f"/portal/{act}/{query}"))
    now.advance(seconds=wait)
    return browser.post(f"/portal/{act}/", {**hidden, **typed})


def notice(answer: Any) -> str:
    return " ".join(re.findall(r'role="alert">([^<]*)<', answer.content.decode()))
