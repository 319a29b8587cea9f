"""The OpenAPI 3.1 document of the admin API. `paths` has its routes, `schemas` the JSON of requests and answers."""

from functools import cache

from services.sites.admin.openapi.paths import checkpoint_paths, fault_paths, journal_paths, play_paths, site_paths
from services.sites.admin.openapi.schemas import schemas
from services.sites.admin.shapes import Schema


@cache
def document() -> Schema:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "asynclab: the admin side of a recorded site",
            "version": "1",
            "description": "Faults, journal and health. Every connection accepted after an answer obeys the new plan.",
        },
        "paths": site_paths() | fault_paths() | play_paths() | checkpoint_paths() | journal_paths(),
        "components": {"schemas": schemas()},
    }
