"""The agents of an account as choices of a form."""

from live_agent.pages.desk import Visit
from live_agent.settings import agents


def agent_choices(visit: Visit) -> list[tuple[int, str, str]]:
    """Return each agent's number, name and e-mail."""
    return [
        (each.user_id, each.user.name, each.user.email)
        for each in agents.listed(visit.db, visit.account_id)
    ]
