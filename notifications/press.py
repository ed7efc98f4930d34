"""The printing press: a child process that turns HTML into PDF, binds PDFs and counts pages, away from the network and from our secrets.

What it prints holds other people's words and other people's files, so it runs apart: no network where the kernel allows it, an empty
environment, bounded memory, and a deadline after which it is killed. It stays alive between jobs, for starting one costs about a second,
and goes when none has come for a while: it holds 70 MB.
Conversation, on its standard input and output: `op`, count, then each part with its length; the answer is a status and one part.
"""

import contextlib
import ctypes
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from select import select
from time import monotonic
from typing import IO, Any, Final

RENDER: Final = b"R"
MERGE: Final = b"M"
COUNT: Final = b"C"
PROBE: Final = b"P"

JOBS_PER_CHILD: Final = 750  # a letter with copies is five
MEMORY: Final = 2 * 1024**3
DEADLINE_SECONDS: Final = 120.0
IDLE_SECONDS: Final = 90.0
CLOCKS_DIFFER: Final = 0.2
"""The share of its idle time by which the parent gives a child up before the child goes: a job is not handed to one about to leave."""

_KEPT_VARIABLES: Final = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
    "TMPDIR",
)
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_ROOT: Final = Path(__file__).resolve().parent.parent


class PressError(Exception):
    """The press could not do the job: `code` is "failed", "refused_address", "broken_copy", "encrypted_copy" or "stopped"."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Press:
    """One child and the conversation with it. Safe to share between threads: jobs wait for each other. A fork gets a child of its own."""

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._jobs = 0
        self._idle_seconds = idle_seconds
        self._last_job_at = 0.0

    def run(self, op: bytes, parts: Sequence[bytes], *, deadline_seconds: float = DEADLINE_SECONDS) -> bytes:
        """The job's PDF. Raises `PressError`; a child that crashed or ran out of time is replaced at the next job."""
        with self._lock:
            child = self._ready()
            try:
                answer = self._converse(child, op, parts, monotonic() + deadline_seconds)
            except (OSError, EOFError, TimeoutError) as error:
                self._stop()
                reason = (
                    f"no answer within {deadline_seconds:.0f} s" if isinstance(error, TimeoutError) else "the press stopped on this job"
                )
                raise PressError("stopped", reason) from error
            self._jobs += 1
            self._last_job_at = monotonic()
            if self._jobs >= JOBS_PER_CHILD:
                self._stop()
        status, body = answer[:1], answer[1:]
        if status != b"+":
            code, _, detail = body.decode().partition("\n")
            raise PressError(code, detail)
        return body

    def close(self) -> None:
        """Stop the child, if there is one."""
        with self._lock:
            self._stop()

    def _ready(self) -> "subprocess.Popen[bytes]":
        rested = monotonic() - self._last_job_at > self._idle_seconds * (1 - CLOCKS_DIFFER)
        if self._child is not None and self._owner == os.getpid() and not rested and self._child.poll() is None:
            return self._child
        if self._owner == os.getpid():
            self._stop()
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        self._child = subprocess.Popen(  # noqa: S603 - ourselves, and a number
            [sys.executable, "-m", "notifications.press", str(self._idle_seconds)],
            cwd=_ROOT,
            env={**environment, "PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._owner, self._jobs, self._last_job_at = os.getpid(), 0, monotonic()
        return self._child

    def _stop(self) -> None:
        child, self._child, self._jobs = self._child, None, 0
        if child is None:
            return
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        child.wait()

    @staticmethod
    def _converse(child: "subprocess.Popen[bytes]", op: bytes, parts: Sequence[bytes], deadline: float) -> bytes:
        assert child.stdin is not None and child.stdout is not None  # noqa: S101 - both are pipes by construction
        child.stdin.write(op + struct.pack(">I", len(parts)))
        for part in parts:
            child.stdin.write(struct.pack(">Q", len(part)))
            child.stdin.write(part)
        child.stdin.flush()
        (length,) = struct.unpack(">Q", _read_by(child.stdout, 8, deadline))
        return _read_by(child.stdout, length, deadline)


def _read_by(pipe: IO[bytes], length: int, deadline: float) -> bytes:
    chunks = []
    while length:
        left = deadline - monotonic()
        if left <= 0 or not select([pipe], [], [], left)[0]:
            raise TimeoutError
        chunk = os.read(pipe.fileno(), min(length, 1 << 20))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        length -= len(chunk)
    return b"".join(chunks)


# ---- In the child -------------------------------------------------------------------------------------------------------------------


def leave_the_network() -> bool:
    """Move this process into an empty network of its own. False where the system does not allow it; the address check remains."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return any(libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))
    except (OSError, AttributeError):
        return False


def bound_memory() -> None:
    """A document that needs more memory than a letter ever does fails alone."""
    import resource  # Unix only

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Renderer:
    """WeasyPrint with what it may keep between letters: fonts and the parsed style sheet."""

    def __init__(self) -> None:
        import logging

        from weasyprint import CSS, HTML
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import FatalURLFetchingError, URLFetcher

        logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
        logging.getLogger("fontTools").setLevel(logging.CRITICAL)

        class DataOnly(URLFetcher):  # type: ignore[misc]  # WeasyPrint ships no types
            """Nothing is fetched: a letter carries everything it shows."""

            def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
                if not url.lower().startswith("data:"):
                    raise FatalURLFetchingError(url[:200])
                return super().fetch(url, headers)

        self._html, self._css, self._refusal = HTML, CSS, FatalURLFetchingError
        self._fetcher = DataOnly(allowed_protocols=("data",), allow_redirects=False)
        self._fonts = FontConfiguration()
        self._sheets: dict[str, Any] = {}

    def pdf(self, html: str, css: str) -> bytes:
        """The document as PDF/A-3b; the same HTML gives the same identifier."""
        sheet = self._sheets.get(css)
        if sheet is None:
            sheet = self._sheets[css] = self._css(string=css, font_config=self._fonts, url_fetcher=self._fetcher)
        try:
            document = self._html(string=html, base_url="about:blank", url_fetcher=self._fetcher)
            result: bytes = document.write_pdf(
                stylesheets=[sheet],
                font_config=self._fonts,
                pdf_variant="pdf/a-3b",
                pdf_identifier=sha256(html.encode()).digest()[:16],
            )
        except self._refusal as refusal:
            raise PressError("refused_address", str(refusal)) from None
        return result


A4: Final = (595.276, 841.89)  # points
_TOLERANCE: Final = 6.0
_WHAT_BROKEN_FILES_RAISE: Final = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    NotImplementedError,
    ArithmeticError,
    AssertionError,
)


def bind(letter: bytes, copies: Sequence[tuple[str, bytes]]) -> bytes:
    """The letter, then each copy's pages on A4. Raises `PressError` naming the copy that cannot be read."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.errors import PyPdfError

    writer = PdfWriter()
    writer.append(PdfReader(BytesIO(letter)), import_outline=False)
    # The archived letter claims PDF/A; what is bound behind it comes from elsewhere, so the print file claims nothing.
    for claim in ("/Metadata", "/OutputIntents", "/AF", "/StructTreeRoot"):
        writer.root_object.pop(claim, None)
    for name, data in copies:
        try:
            reader = PdfReader(BytesIO(data))
            if reader.is_encrypted and not reader.decrypt(""):
                raise PressError("encrypted_copy", name)
            pages = list(PdfWriter(clone_from=reader).pages)
            if not pages:
                raise PressError("broken_copy", name)
            for page in pages:
                _add_on_a4(writer, page)
        except (PyPdfError, *_WHAT_BROKEN_FILES_RAISE):
            raise PressError("broken_copy", name) from None
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


def page_count(pdf: bytes) -> int:
    """How many pages a PDF of our own making has."""
    from pypdf import PdfReader

    return len(PdfReader(BytesIO(pdf)).pages)


def _add_on_a4(writer: Any, page: Any) -> None:
    from pypdf import Transformation

    page.pop("/AA", None)  # scripts that run when a page is opened
    page.transfer_rotation_to_content()
    box = page.cropbox
    width, height = float(box.width), float(box.height)
    if abs(width - A4[0]) <= _TOLERANCE and abs(height - A4[1]) <= _TOLERANCE:
        writer.add_page(page)
        return
    placed = Transformation().translate(-float(box.left), -float(box.bottom))
    if width > height:  # a landscape page is turned, so that it keeps its size
        placed = placed.rotate(90).translate(height, 0)
        width, height = height, width
    scale = min(A4[0] / width, A4[1] / height, 1.0)
    placed = placed.scale(scale).translate((A4[0] - width * scale) / 2, (A4[1] - height * scale) / 2)
    writer.add_blank_page(*A4).merge_transformed_page(page, placed, expand=False)


def main(idle_seconds: float) -> None:
    """The child's loop: one job after another until the parent closes the pipe, or gives none for so long."""
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not reach the conversation
    isolated = leave_the_network()
    bound_memory()
    renderer = Renderer()
    while select([jobs], [], [], idle_seconds)[0] and (header := jobs.read(5)):
        parts = [jobs.read(struct.unpack(">Q", jobs.read(8))[0]) for _ in range(struct.unpack(">I", header[1:])[0])]
        try:
            answer = b"+" + _work(renderer, header[:1], parts, isolated=isolated)
        except PressError as error:
            answer = b"-" + f"{error.code}\n{error.detail}".encode()
        except Exception as error:  # the parent is told, and the press stays ready for the next job
            answer = b"-" + f"failed\n{type(error).__name__}: {error}".encode()
        answers.write(struct.pack(">Q", len(answer)) + answer)
        answers.flush()


def _work(renderer: Renderer, op: bytes, parts: list[bytes], *, isolated: bool) -> bytes:
    if op == RENDER:
        html, css = parts
        return renderer.pdf(html.decode(), css.decode())
    if op == MERGE:
        letter, *rest = parts
        return bind(letter, [(name.decode(), data) for name, data in zip(rest[::2], rest[1::2], strict=True)])
    if op == COUNT:
        (pdf,) = parts
        return b"%d" % page_count(pdf)
    return b"isolated" if isolated else b"open"


if __name__ == "__main__":
    main(float(sys.argv[1]))
