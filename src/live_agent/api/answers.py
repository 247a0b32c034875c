"""Answers that hold no resource: nothing."""

from litestar import MediaType, Response


def nothing() -> Response[None]:
    """Answer 200 with an empty body, as after a deletion."""
    return Response(content=None, status_code=200, media_type=MediaType.TEXT)
