"""Answers that hold no resource: nothing, and a problem."""

from litestar import MediaType, Response

from live_agent.errors import Problem


def nothing() -> Response[None]:
    """Answer 200 with an empty body, as after a deletion."""
    return Response(content=None, status_code=200, media_type=MediaType.TEXT)


def problem_answer(problem: Problem) -> Response[dict[str, object]]:
    """Answer an error; `error` and `message` say the same, since published clients read either."""
    content: dict[str, object] = {
        "error": problem.message,
        "message": problem.message,
        "code": problem.code,
        **problem.told,
    }
    if problem.status == 422:
        content["attributes"] = list(problem.errors)
        content["errors"] = [
            {"field": field, "message": message} for field, message in problem.errors.items()
        ]
    return Response(
        content=content,
        status_code=problem.status,
        media_type=MediaType.JSON,
        headers=dict(problem.headers),
    )
