"""How a person uses the page."""

import re
from typing import Any

import zxingcpp
from django.test import Client
from PIL import Image, ImageDraw

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


def code_in(page: str) -> str:
    """What the QR code of a page says: its drawing is a white field and one stroke of black runs, "M x y h length, m right down…"."""
    drawing = re.search(r'viewBox="0 0 (\d+) \d+".*?stroke="#000" d="([^"]+)"', page)
    assert drawing is not None
    size, scale = int(drawing[1]), 8
    picture = Image.new("L", (size * scale, size * scale), 255)
    draw = ImageDraw.Draw(picture)
    x = y = 0.0
    for kind, arguments in re.findall(r"([Mmh])([-\d. ]+)", drawing[2]):
        numbers = [float(text) for text in arguments.split()]
        if kind == "h":
            draw.rectangle((x * scale, (y - 0.5) * scale, (x + numbers[0]) * scale - 1, (y + 0.5) * scale - 1), fill=0)
            x += numbers[0]
        elif kind == "M":
            x, y = numbers
        else:
            x, y = x + numbers[0], y + numbers[1]
    (found,) = zxingcpp.read_barcodes(picture)
    return str(found.text)
