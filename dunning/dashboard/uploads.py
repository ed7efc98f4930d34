"""What a browser may send at once: a body that is too large is read past, never kept, and its form can say so."""

from typing import Any, Final

from django.core.files.uploadhandler import FileUploadHandler, SkipFile

MOST_BODY: Final = 60 * 1024**2  # bytes: the largest file anybody may give, and the form around it


class LimitedUploadHandler(FileUploadHandler):
    """First of the handlers: with a body above MOST_BODY no file is taken, and the request carries `upload_too_large`."""

    too_large = False

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None) -> None:
        self.too_large = content_length > MOST_BODY
        if self.too_large and self.request is not None:
            self.request.upload_too_large = True  # type: ignore[attr-defined]  # read by views

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.too_large:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
