"""The end of a process whose event loop hangs, so that the engine starts it anew.

The proxy has long gone around such a process by then (`health`). Python's own timer writes the stack of every
thread to standard error and ends the process, also where code holds the interpreter for ever.
"""

import asyncio
import faulthandler

SILENCE_SECONDS = 10.0
"""Time without a turn of the event loop after which the process ends."""

ARM_SECONDS = 1.0


async def keep_armed(silence: float = SILENCE_SECONDS) -> None:
    """Put off the end of this process for as long as the event loop turns; disarm when cancelled."""
    try:
        while True:
            faulthandler.dump_traceback_later(silence, exit=True)
            await asyncio.sleep(ARM_SECONDS)
    finally:
        faulthandler.cancel_dump_traceback_later()
