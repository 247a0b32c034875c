"""Settings > Audit Logs: the trail's own page, inside the settings."""

from jinja2 import Environment
from litestar import Router

from audit_trail.server.audit_logs import AnyRequest, audit_logs_router
from audit_trail.server.viewer import Viewer
from live_agent.access import Member
from live_agent.catalog import CATALOG
from live_agent.pages import exports, personal_data, retention, saved_views
from live_agent.pages.desk import settings_path, shell_of
from live_agent.schema import Account
from live_agent.services import Services


def audit_logs(services: Services, templates: Environment) -> Router:
    """Return its router. The route's access rule lets administrators in, and records who isn't."""

    def viewer(request: AnyRequest) -> Viewer:
        member: Member = request.user
        with services.database.reading() as db:
            return Viewer(
                account=str(member.account_id),
                path=f"{settings_path(member.account_id)}/audit-logs",
                retention=f"{settings_path(member.account_id)}/{retention.PATH}",
                personal_data=f"{settings_path(member.account_id)}/{personal_data.PATH}",
                zone=db.get_one(Account, member.account_id).timezone,
                views=saved_views.views_of(
                    db,
                    member,
                    {name: request.query_params.getall(name) for name in request.query_params},
                ),
                exports=exports.exports_of(member),
                layout={"shell": shell_of(db, member, request.scope["path"]), "flash": None},
            )

    return audit_logs_router(
        services.trail,
        path="/audit-logs",
        viewer=viewer,
        fresh=services.fresh,
        catalog=CATALOG,
        templates=templates,
        clock=services.clock,
    )
