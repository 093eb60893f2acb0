"""A real headless browser in front of a real Flower."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import requests
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests import parts
from worker.local.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver.remote.webelement import WebElement

    from tests.acceptance.scene import Scene

Answer = TypeVar("Answer")

USER, PASSWORD = "operator", "correct-horse"
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
"""In CSS pixels."""
THEMES = ("light", "dark")
FOUND = """
const answer = arguments[0];
const name = (each) => each.nodes.map((node) => `${each.id}: ${node.target.join(" ")} ${node.failureSummary}`);
axe.run().then((found) => answer(found.violations.flatMap(name)));
"""
"""Runs axe: each thing that it finds, in a line."""
BROWSERS = ["chromium"] if len(parts.installed("chromium", "chromedriver")) > 1 else []
"""What is found when the tests are collected; `.ci/run` installs it."""
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
)  # fmt: skip


@dataclass(frozen=True)
class Browser:
    """What a person does with it."""

    driver: webdriver.Chrome
    url: str
    pictures: Path
    """The folder for screenshots: what STAMPED_SYNC_SCREENSHOTS names, else one that goes after the tests."""

    def open(self, path: str) -> None:
        """Open a page of Flower."""
        self.driver.get(self.url + path)

    def text(self) -> str:
        """What stands on the page."""
        return steady(lambda: self.driver.find_element(By.TAG_NAME, "body").text)

    def read(self, words: str) -> None:
        """Wait until words stand on the page."""
        parts.eventually(lambda: words in self.text())

    def button(self, words: str) -> WebElement:
        """The button or link with these words that is seen first."""
        path = f"//*[self::a or self::button][starts-with(normalize-space(), '{words}')]"
        found: WebElement = parts.eventually(lambda: steady(lambda: self._seen(path)))
        return found

    def press(self, words: str) -> None:
        """Press it, by the keyboard: it must be reachable by it."""
        steady(lambda: self.button(words).send_keys("\n"))

    def choose(self, name: str, value: str) -> None:
        """Choose from a list."""
        steady(lambda: Select(self.driver.find_element(By.NAME, name)).select_by_value(value))

    def write(self, name: str, text: str) -> None:
        """Fill a field in."""
        self.driver.find_element(By.NAME, name).send_keys(text)

    def picture(self, name: str) -> None:
        """A screenshot of the page at each width."""
        for size in self.sizes():
            self.driver.save_screenshot(str(self.pictures / f"{name}-{size}.png"))

    def sizes(self) -> Iterator[str]:
        """Show the page at each width; nothing on it may be wider than the screen."""
        for size, (width, height) in SIZES.items():
            self.driver.set_window_size(width, height)
            overhang = self.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
            assert overhang <= 0, f"{self.driver.current_url} is {overhang} pixels too wide at {size} width"
            yield size
        self.driver.set_window_size(*SIZES["desktop"])

    def violations(self) -> Iterator[tuple[str, str, list[str]]]:
        """What axe finds wrong with the page, at each width and in each theme."""
        axe = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
        for theme in THEMES:
            features = [{"name": "prefers-color-scheme", "value": theme}]
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            self.driver.refresh()
            for size in self.sizes():
                self.driver.execute_script(axe)
                yield size, theme, self.driver.execute_async_script(FOUND)

    def _seen(self, path: str) -> WebElement | None:
        return next((each for each in self.driver.find_elements(By.XPATH, path) if each.is_displayed()), None)


@contextlib.contextmanager
def flower(stage: Scene, user: str = USER, password: str = PASSWORD) -> Iterator[str]:
    """A real Flower with a login; its address, with the login in it."""
    port = free_port()
    command = ("-m", "celery", "-A", "worker.app", "flower", "--address=127.0.0.1", f"--port={port}")
    env = stage.env | {"FLOWER_BASIC_AUTH": f"{user}:{password}"}
    with parts.process(command, env, stage.folder / "flower.log"):
        parts.eventually(lambda: _answers(f"http://127.0.0.1:{port}/healthcheck"))
        yield f"http://{quote(user)}:{quote(password)}@127.0.0.1:{port}"


@contextlib.contextmanager
def browser(name: str, url: str, folder: Path) -> Iterator[Browser]:
    """A browser that has logged in."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which(name) or name
    for argument in (*QUIET, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(argument)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        driver.set_window_size(*SIZES["desktop"])
        driver.get(url + "/activity")
        pictures = Path(os.environ.get("STAMPED_SYNC_SCREENSHOTS") or folder / "pictures")
        pictures.mkdir(parents=True, exist_ok=True)
        yield Browser(driver, f"http://{url.rpartition('@')[2]}", pictures)
    finally:
        driver.quit()


def steady(act: Callable[[], Answer]) -> Answer:
    """Do it, and once more if the page has just refreshed itself."""
    while True:
        with contextlib.suppress(StaleElementReferenceException):
            return act()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False
