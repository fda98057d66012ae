"""The page, as this service answers it in place of Bokeh's own handler.

It carries the header ``X-Longitude-Replica`` and ``<meta name="replica">``, both with the setting REPLICA.
The answer to a websocket's handshake has the header too, so that a client can tell which replica it is on.
"""

from collections.abc import Awaitable
from typing import Any, cast, override

from bokeh.server.session import ServerSession
from bokeh.server.views.doc_handler import DocHandler
from tornado.web import HTTPError

from dashboard.addresses import Address, TooMuch
from dashboard.admission import COOKIE, FULL_STATUS
from dashboard.application import FAULT
from dashboard.assets import PAGE_SCRIPTS, PAGE_SHEETS
from dashboard.drain import REASON
from dashboard.process import Process, running
from dashboard.secured import SecuredHandler
from dashboard.state import MASSES
from dashboard.theme import DARK
from dashboard.traffic import traffic
from dashboard.turns import VisitorLeft, is_waited_for, take_turn
from dashboard.words import NAMES

LEFT_STATUS = 499
"""What the log says of a page that nobody waited for; nobody gets it."""


class PageHandler(SecuredHandler, DocHandler):
    """Answers the page.

    Tokens and session ids in the address are refused: this service only takes the ones it hands out
    itself, over the websocket. A document that could not be built gives a page that says so, with
    status 500.
    """

    @override
    async def prepare(self) -> None:
        await super().prepare()
        given = {"bokeh-token", "bokeh-session-id"} & self.request.arguments.keys()
        if given or "Bokeh-Session-Id" in self.request.headers:
            raise HTTPError(403, reason="Session tokens are not accepted here")
        # They would go into the token, which travels in a header; pages read the query instead.
        self.request.arguments.clear()

    @override
    async def get(self, *_args: Any, **_kwargs: Any) -> None:
        if traffic.over:
            # The proxy takes any replica for ready when another one ends, and tries again on this status.
            self.set_status(503)
            self.finish(REASON)
            return
        process = running()
        traffic.pages += 1
        try:
            address = process.addresses.find(self.request.remote_ip)
            async with address.answering(address.pages):
                await self._make(process, address)
        except TooMuch:
            self.send_too_much()
        except VisitorLeft:
            self.set_status(LEFT_STATUS, "Left")
        finally:
            traffic.pages -= 1

    async def _make(self, process: Process, address: Address) -> None:
        if not process.admission.admits_new(self.application_context.sessions):
            self._send_elsewhere()
            return
        process.admission.arriving += 1
        try:
            async with take_turn(lambda: is_waited_for(self.request)):
                session = await cast("Awaitable[ServerSession | None]", self.get_session())
        finally:
            process.admission.arriving -= 1
        if session is None:
            raise HTTPError(403)
        with address.allowance.counting():
            self._answer(process, session)

    async def head(self, *_args: Any, **_kwargs: Any) -> None:
        """Say that this replica answers, without making a session."""

    def _send_elsewhere(self) -> None:
        """Refuse a page because this replica is full.

        The proxy brings a visitor with its cookie here however often it tries, so that one is asked to
        come again without it.
        """
        if COOKIE in self.cookies:
            self.clear_cookie(COOKIE)
            query = self.request.query
            self.redirect(f"/?{query}" if query else "/", status=307)
            return
        self.set_status(FULL_STATUS, "Full")
        self.set_header("Retry-After", "10")
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("This replica is full.\n")

    def _answer(self, process: Process, session: ServerSession) -> None:
        document = session.document
        words = document.template_variables.get("words")
        item = None
        if words is None:
            self.set_status(500)
            process.health.build_fault = document.template_variables.get(FAULT, "the document is empty")
            session.request_expiration()
            words = dict.fromkeys(NAMES, "") | {
                "view": "problem",
                "title": "Longitude",
                "document-title": "Longitude",
                "problem-heading": "This page could not be built",
                "problem-lead": "The fault is in the service, not in your request, and is in its log.",
            }
        else:
            process.health.build_fault = None
            item = {
                "token": session.token,
                "roots": {root.id: f"slot-{root.name}" for root in document.roots},
                "root_ids": [root.id for root in document.roots],
                "use_for_title": True,
            }
            traffic.hand_out(session.id)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.write(
            process.templates.get_template("index.html").render(
                words=words,
                render_item=item,
                scripts=PAGE_SCRIPTS,
                sheets=PAGE_SHEETS,
                masses=[f"{mass:g}" for mass in MASSES],
                dark=DARK,
                assets=process.assets.urls,
                replica=process.settings.replica,
            )
        )
