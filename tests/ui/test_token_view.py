"""Tokens on screen: coloured by probability, alternatives on hover and by keys, and never
markup.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from probe.models import Token
from ui.token_view import shown_token

APP = Path(__file__).parent / "tokens_app.py"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve(APP)


def test_what_hides_or_acts_is_written_out() -> None:
    text, logprob, likely = shown_token(Token("\u202ea\n", -1.0, (("\x1b[31m\n", -0.5),)))
    assert (text, logprob, likely) == ("\\u202ea⏎\n", -1.0, [("\\x1b[31m\\n", -0.5)])


@pytest.mark.browser
def test_tokens_are_coloured_and_stay_text(address: str, page_at: Callable[..., Page]) -> None:
    page = page_at(address)
    spans = page.locator(".tokens span")
    expect(spans).to_have_count(2)
    expect(spans.nth(1)).to_have_text(HOSTILE)
    assert page.locator(".tokens img, .tokens b").count() == 0
    sure = [
        float(span.evaluate("node => node.style.getPropertyValue('--sure')"))
        for span in spans.all()
    ]
    assert sure == pytest.approx([0.9900, 0.1003], abs=1e-4)
    colours = [
        span.evaluate("node => getComputedStyle(node).backgroundColor") for span in spans.all()
    ]
    assert colours[0] != colours[1]


@pytest.mark.browser
def test_alternatives_appear_beside_the_token_that_is_pointed_at(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(address)
    page.locator(".tokens span").nth(1).hover()
    expect(page.locator(".likely .row")).to_have_count(2)
    expect(page.locator(".likely .row.chosen")).to_have_text(f"{HOSTILE}10.0 %")
    assert page.locator(".likely img").count() == 0
    page.mouse.move(5, 5)
    expect(page.locator(".likely")).to_be_hidden()


@pytest.mark.browser
def test_arrow_keys_walk_through_the_tokens(address: str, page_at: Callable[..., Page]) -> None:
    page = page_at(address)
    page.locator(".tokens").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tokens span.active")).to_have_text(HOSTILE)
    page.keyboard.press("Escape")
    expect(page.locator(".likely")).to_be_hidden()


@pytest.mark.browser
def test_tokens_that_come_later_are_added_and_the_chosen_one_stands_apart_when_unlikely(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(address)
    page.locator(".tokens.running").wait_for()
    first = page.locator(".tokens span").first.element_handle()
    page.get_by_role("button", name="More").click()
    expect(page.locator(".tokens span")).to_have_count(4)
    assert first is not None and first.evaluate("node => node.isConnected")
    expect(page.locator(".tokens.running")).to_have_count(0)
    page.locator(".tokens span").nth(2).hover()
    expect(page.locator(".likely .row")).to_have_count(2)
    expect(page.locator(".tokens span").nth(3)).not_to_have_class("told")
