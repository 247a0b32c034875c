"""Hands an export's file to an administrator of its account, after an entry that says so."""

from collections.abc import Callable
from typing import Any

from litestar import Response
from litestar.response import File

from audit_trail.capture.context import SYSTEM, Context, Origin, current_context
from audit_trail.export.exporting import note_download
from audit_trail.export.manifest import SUFFIX
from audit_trail.export.wanted import MEDIA_TYPES
from audit_trail.trail import Trail
from live_agent.exporting.shelf import Shelf
from live_agent.schema import Export


def handed_file(export: Export, shelf: Shelf, trail: Trail, clock: Callable[[], int]) -> File:
    """Answer the file. Raises `NotFound`, and says why there is none."""
    place, manifest = shelf.handed_out(export)
    context = current_context() or Context(actor=SYSTEM, origin=Origin(via="api"))
    note_download(trail, manifest, context, clock)
    return File(
        place,
        filename=place.name,
        media_type=MEDIA_TYPES[manifest.file.form],
        content_disposition_type="attachment",
    )


def handed_manifest(export: Export, shelf: Shelf) -> Response[Any]:
    """Answer the manifest. Raises `NotFound`, and says why there is none."""
    place, manifest = shelf.handed_out(export)
    headers = {"Content-Disposition": f'attachment; filename="{place.name}{SUFFIX}"'}
    return Response(manifest.encoded, media_type="application/json", headers=headers)
