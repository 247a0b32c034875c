"""Seeds a new data directory: it plays the story against the application, in process.

The requests' context says when they happened and that they were imported; nothing that comes
over the network can say so.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx2

from audit_trail.capture.context import importing
from live_agent.demo.story import ACCOUNT, FOUNDER, PEOPLE, STEPS, TIMEZONE, Step

App = Any
