"""Blocking calls, beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_THREADS = ThreadPoolExecutor(40, thread_name_prefix="blocking")


async def run_sync(call: Callable[..., T], *arguments: object) -> T:
    """Make a blocking call in a thread.

    As anyio.to_thread.run_sync, whose bookkeeping costs more than a statement of the database. A caller that is cancelled does
    not wait for the call, which goes on.
    """
    return await asyncio.get_running_loop().run_in_executor(_THREADS, call, *arguments)
