"""Threads that know for which address they work."""

import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import override

from dashboard.allowance import charged

WITH_LOOP = 2.0
"""That work on a thread is counted: the event loop has as much to do for it, with receiving and sending. A
session takes 22 ms of a processor (`make bench ARGS=serve`), 12 of them on threads."""


class CountingThreads(ThreadPoolExecutor):
    """Threads that count the processor time of each piece of work for the address that has asked for it.

    An address keeps only so many of them busy, of all pools together, and has the rest of its work waiting.
    """

    @override
    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        allowance = charged.get()
        if allowance is None:
            return super().submit(fn, *args, **kwargs)
        context, future, submit = contextvars.copy_context(), Future[T](), super().submit

        def run() -> None:
            try:
                if future.set_running_or_notify_cancel():
                    with allowance.counting(WITH_LOOP):
                        future.set_result(context.run(fn, *args, **kwargs))
            except BaseException as error:  # noqa: BLE001  whoever waits for it has it raised
                future.set_exception(error)
            finally:
                allowance.line.leave()

        def begin() -> None:
            try:
                submit(run)
            except RuntimeError:
                # These threads take no work any more.
                future.cancel()
                allowance.line.leave()

        allowance.line.join(begin)
        return future
