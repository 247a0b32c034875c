"""The log of Live Agent's server: the engine's, with what Live Agent itself says."""

from typing import TextIO

from audit_trail import logs
from audit_trail.logs import Form
from live_agent.errors import LiveAgentError


def configure_logs(form: Form, stream: TextIO) -> None:
    """Route the logs of this process to the stream; call it once, where a command begins."""
    logs.configure_logs(form, stream, {"live_agent": LiveAgentError})
