"""The account itself over REST."""

from litestar import get, patch

from live_agent.api.asked import Sent, TheMember, TheServices
from live_agent.api.body import fields_of
from live_agent.api.document import described
from live_agent.api.shapes import Shape, account_shape
from live_agent.gate import ADMINISTRATOR, MEMBER
from live_agent.settings import accounts


@get("/", opt=MEMBER, sync_to_thread=True)
def get_account(services: TheServices, member: TheMember) -> Shape:
    with services.database.reading() as db:
        return account_shape(accounts.get(db, member.account_id))


@patch(
    "/",
    opt=ADMINISTRATOR,
    operation_class=described(accounts.FIELDS, partial=True),
    sync_to_thread=True,
)
def update_account(services: TheServices, member: TheMember, sent: Sent) -> Shape:
    with services.database.transaction(member.account_id) as db:
        account = accounts.get(db, member.account_id)
        return account_shape(accounts.update(db, account, fields_of(sent, "account")))
