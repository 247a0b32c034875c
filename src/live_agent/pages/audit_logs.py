"""Settings > Audit Logs: the trail's own page, inside the settings."""

from jinja2 import Environment
from litestar import Router

from audit_trail.server.audit_logs import AnyRequest, audit_logs_router
from audit_trail.server.viewer import Reader, Viewer
from live_agent.access import Member
from live_agent.catalog import CATALOG
from live_agent.gate import admission, opens
from live_agent.pages import exports, personal_data, restorations, retention, saved_views
from live_agent.pages.desk import settings_path, shell_of
from live_agent.schema import Account
from live_agent.services import Services
from live_agent.watching import IDENTITIES, ROLES


def audit_logs(services: Services, templates: Environment) -> Router:
    """Return its router. The route's access rule lets administrators in, and records who isn't."""

    def viewer(request: AnyRequest) -> Viewer:
        member: Member = request.user
        account = str(member.account_id)
        is_admitted = admission(services, request.scope)
        with services.database.reading() as db:
            return Viewer(
                account=account,
                reader=Reader(account=account, person=member.user_id, is_admitted=is_admitted),
                path=f"{settings_path(member.account_id)}/audit-logs",
                retention=f"{settings_path(member.account_id)}/{retention.PATH}",
                personal_data=f"{settings_path(member.account_id)}/{personal_data.PATH}",
                zone=db.get_one(Account, member.account_id).timezone,
                chosen_zone=member.timezone,
                language=member.language,
                views=saved_views.views_of(
                    db,
                    member,
                    {name: request.query_params.getall(name) for name in request.query_params},
                ),
                exports=exports.exports_of(member),
                opens=opens(services, member),
                restoration=lambda entry: restorations.address_of(member.account_id, entry),
                layout={"shell": shell_of(db, member, request.scope["path"]), "flash": None},
            )

    return audit_logs_router(
        services.trail,
        path="/audit-logs",
        viewer=viewer,
        fresh=services.fresh,
        catalog=CATALOG,
        templates=templates,
        tails=services.tails,
        identities=IDENTITIES,
        roles=ROLES,
        clock=services.clock,
    )
