"""Resources that are fields and a name alone, over REST: labels, canned responses, skills."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.handlers import HTTPRouteHandler

from live_agent.api.answers import nothing
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.body import fields_of
from live_agent.api.document import described
from live_agent.api.shapes import Shape, canned_response_shape, label_shape, skill_shape
from live_agent.gate import MEMBER, SUPERVISOR
from live_agent.settings.canned_responses import CANNED_RESPONSES
from live_agent.settings.labels import LABELS
from live_agent.settings.resource import Resource
from live_agent.settings.skills import SKILLS


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """A resource's path and name in the contract, its shape, and whether its list is a payload."""

    path: str
    name: str
    resource: Resource[Any]
    shape: Callable[[Any], Shape]
    is_payload: bool = False

    def handlers(self) -> Sequence[HTTPRouteHandler]:
        """Return its routes: members read, supervisors and administrators write."""
        return (*self._reading(), *self._writing())

    def _reading(self) -> Sequence[HTTPRouteHandler]:
        @get(self.path, opt=MEMBER, operation_id=f"List{self.name}s", sync_to_thread=True)
        def list_them(services: TheServices, member: TheMember) -> Any:
            with services.database.reading() as db:
                found = [self.shape(each) for each in self.resource.listed(db, member.account_id)]
                return {"payload": found} if self.is_payload else found

        @get(self._one, opt=MEMBER, operation_id=f"Get{self.name}", sync_to_thread=True)
        def get_it(services: TheServices, member: TheMember, record_id: Id) -> Any:
            with services.database.reading() as db:
                return self.shape(self.resource.get(db, member.account_id, record_id))

        return list_them, get_it

    def _writing(self) -> Sequence[HTTPRouteHandler]:
        @post(
            self.path,
            status_code=200,
            opt=SUPERVISOR,
            operation_id=f"Create{self.name}",
            operation_class=described(self.resource.fields),
            sync_to_thread=True,
        )
        def create_it(services: TheServices, member: TheMember, sent: Sent) -> Any:
            with services.database.transaction(member.account_id) as db:
                values = fields_of(sent, self.name)
                return self.shape(self.resource.create(db, member.account_id, values))

        @patch(
            self._one,
            opt=SUPERVISOR,
            operation_id=f"Update{self.name}",
            operation_class=described(self.resource.fields, partial=True),
            sync_to_thread=True,
        )
        def update_it(services: TheServices, member: TheMember, record_id: Id, sent: Sent) -> Any:
            with services.database.transaction(member.account_id) as db:
                record = self.resource.get(db, member.account_id, record_id)
                return self.shape(self.resource.update(db, record, fields_of(sent, self.name)))

        @delete(
            self._one,
            status_code=200,
            opt=SUPERVISOR,
            operation_id=f"Delete{self.name}",
            sync_to_thread=True,
        )
        def delete_it(services: TheServices, member: TheMember, record_id: Id) -> Response[None]:
            with services.database.transaction(member.account_id) as db:
                record = self.resource.get(db, member.account_id, record_id)
                self.resource.delete(db, record)
            return nothing()

        return create_it, update_it, delete_it

    @property
    def _one(self) -> str:
        return f"{self.path}/{{record_id:int}}"


RESOURCES: Final = (
    Rest(path="/labels", name="label", resource=LABELS, shape=label_shape, is_payload=True),
    Rest(
        path="/canned_responses",
        name="canned_response",
        resource=CANNED_RESPONSES,
        shape=canned_response_shape,
    ),
    Rest(path="/skills", name="skill", resource=SKILLS, shape=skill_shape),
)
