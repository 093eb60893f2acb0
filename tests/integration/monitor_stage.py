"""Flower with the operator's pages on a port of its own, in a thread of the test: its Celery, Valkey and sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import flower.app
import flower.urls
import redis
import requests
from flower.app import Flower
from flower.options import default_options
from flower.utils import prepend_url
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets

from tests.integration.html import Form, forms_of, text_of
from tests.parts import PATIENCE_SECONDS
from worker.app import app
from worker.monitor import install
from worker.monitor.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOGIN = ("operator", "correct-horse")
WRONG_LOGIN = ("operator", "wrong")
OTHER_SITE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
"""What a browser sends with a request that another site's page makes."""


class Monitor:
    """Flower that is being served, and a person who looks at it with a browser that keeps cookies."""

    def __init__(self, url: str, flower_app: Flower, loop: asyncio.AbstractEventLoop) -> None:
        self.url = url
        self._flower = flower_app
        self._loop = loop
        self._browser = requests.Session()

    def get(self, path: str, login: tuple[str, str] | None = LOGIN) -> requests.Response:
        """A page; a redirect is answered as it is."""
        return self._browser.get(self.url + path, auth=login, timeout=PATIENCE_SECONDS, allow_redirects=False)

    def text(self, path: str) -> str:
        """What a person reads on a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return text_of(answer.text)

    def forms(self, path: str) -> list[Form]:
        """The forms on a page."""
        return forms_of(self.get(path).text)

    def submit(self, page: str, action: str, login: tuple[str, str] | None = LOGIN, **filled: Any) -> requests.Response:
        """Fill in the one form of a page that posts to an address that ends so, and send it."""
        answer = self.get(page, login)
        form = next(form for form in forms_of(answer.text) if form.method == "post" and form.action.endswith(action))
        return self.post(form.action, form.fields | filled, login)

    def post(
        self,
        path: str,
        fields: dict[str, Any],
        login: tuple[str, str] | None = LOGIN,
        *,
        files: Any = None,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        """Send a change as it is; see `token` and `submit`."""
        return self._browser.post(
            self.url + path,
            data=fields,
            files=files,
            headers=headers,
            auth=login,
            timeout=PATIENCE_SECONDS,
            allow_redirects=False,
        )

    def token(self, login: tuple[str, str] | None = LOGIN) -> dict[str, str]:
        """The field that shows a change to be from a page of ours."""
        self.get("/activity", login)
        return {"_xsrf": self._browser.cookies["_xsrf"]}

    def keep(self, name: str, value: str) -> None:
        """Let the browser keep a cookie."""
        self._browser.cookies.set(name, value)

    def forge(self, path: str, fields: dict[str, Any]) -> Iterator[requests.Response]:
        """What another site can make the browser of a logged-in person send: no token, or a token of its own."""
        self.get("/activity")
        yield self.post(path, fields)
        yield self.post(path, fields | {"_xsrf": "2|00000000|00000000000000000000000000000000|1700000000"})
        yield self.post(path, fields | self.token(), headers=OTHER_SITE)

    def see(self, type_: str, **event: Any) -> None:
        """Let Flower see a task event, as a worker sends it."""
        seen = {"type": type_, "hostname": "worker-1", "clock": 1, "timestamp": 1_800_000_000.0, "local_received": 0}
        self._in_loop(partial(self._flower.events.state.event, seen | event))

    def _in_loop(self, act: Callable[[], object]) -> None:
        async def done() -> None:
            act()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(PATIENCE_SECONDS)

    def close(self) -> None:
        """Close the browser."""
        self._browser.close()


class _Serving:
    """A Flower in a thread; a context manager that stops it at the end."""

    def __init__(self, options: dict[str, Any], lanes: Lanes) -> None:
        self._options = options
        self._lanes = lanes
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="flower", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_up.wait(PATIENCE_SECONDS), "Flower did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_SECONDS)

    async def _serve(self) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.flower = Flower(capp=app, options=_options(self._options), io_loop=IOLoop.current(), **self._settings())
        server = flower.app.HTTPServer(self.flower)
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        self.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        self._is_up.set()
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()

    def _settings(self) -> dict[str, Any]:
        """Flower's own, which follow a prefix as its command makes them."""
        settings: dict[str, Any] = flower.urls.settings | {"lanes": self._lanes}
        if prefix := self._options.get("url_prefix"):
            settings |= {name: prepend_url(settings[name], prefix) for name in ("login_url", "static_url_prefix")}
        return settings


def _options(given: dict[str, Any]) -> Namespace:
    """Flower's options with some of them set."""
    return Namespace(**default_options.as_dict() | given)


def contents(redis_url: str) -> dict[bytes, bytes]:
    """All that Redis holds, for a test that nothing changed."""
    with redis.Redis.from_url(redis_url) as client:
        keys: Any = client.keys()
        return {key: client.dump(key) for key in keys}


@contextlib.contextmanager
def serving(login: tuple[str, str] | None = LOGIN, lanes: Lanes | None = None, **options: Any) -> Iterator[Monitor]:
    """Flower with the pages, on what `worker.app.app` has for a runtime now; without a login where that is None."""
    install()
    basic_auth = [":".join(login)] if login else []
    with _Serving({"basic_auth": basic_auth, **options}, lanes or Lanes()) as flower_:
        monitor = Monitor(flower_.url, flower_.flower, flower_.loop)
        try:
            yield monitor
        finally:
            monitor.close()
