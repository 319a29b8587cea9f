"""The parts of an operation in the OpenAPI document: its answers, refusals, bodies and parameters."""

from services.sites.admin.shapes import TEXT, Schema, reference


def operation(summary: str, responses: Schema, **more: object) -> Schema:
    """Return an operation. All refuse requests for another server, and requests from a page of another site."""
    refused = refuses(403, "Origin or Sec-Fetch-Site: a page of another site") | refuses(421, "Host: not of this site")
    return {"summary": summary, "responses": responses | refused, **more}


def content(name: str) -> Schema:
    """Return JSON content of a schema."""
    return {"application/json": {"schema": reference(name)}}


def returns(name: str, status: int = 200) -> Schema:
    """Return a response of a schema."""
    return {str(status): {"description": name, "content": content(name)}}


def text(status: int, description: str) -> Schema:
    """Return a response that is plain text."""
    return {str(status): {"description": description, "content": {"text/plain": {"schema": TEXT}}}}


def refuses(status: int, description: str) -> Schema:
    """Return a refusal."""
    return {str(status): {"description": description, "content": content("Refusal")}}


def bad(description: str) -> Schema:
    """Return the refusals of a body: not JSON, too large, not as documented."""
    return refuses(400, "not_json") | refuses(413, "over 1 MiB") | refuses(422, description)


def body(name: str) -> Schema:
    """Return a request body of a schema."""
    return {"required": True, "content": content(name)}


def query(name: str, schema: object, *, required: bool = False) -> Schema:
    """Return a query parameter."""
    return {"name": name, "in": "query", "required": required, "schema": schema}
