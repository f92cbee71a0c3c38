"""Drives the dashboard in Chromium as somebody would who watches a job, and prints what was seen, as JSON.

It runs in the environment `browser`: dashboard_browser.py URL CHROMIUM AXE SCREENSHOTS
"""

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

URL, CHROMIUM, AXE, SCREENSHOTS = sys.argv[1:]

NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)>"
PAGES = ("/", "/ui/traffic", "/ui/scenario", "/ui/worlds", "/ui/connect", "/ui/call?number=1")


def control(verb: str, path: str, body: Any = None) -> Any:
    """Call an operation of the control API."""
    data = json.dumps(body or {}).encode()
    request = urllib.request.Request(f"{URL}/_mock{path}", data if verb != "GET" else None, method=verb)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


SDK = genai.Client(
    vertexai=True,
    project="my-project",
    location="us-central1",
    credentials=Credentials(token="any-token"),  # type: ignore[no-untyped-call]  # the library has no types
    http_options=types.HttpOptions(base_url=URL),
)


def watch_job(page: Page, seen: dict[str, Any]) -> None:
    """Create a job by the SDK, and watch it in the list and on its page while the clock is moved."""
    job = SDK.tunings.tune(
        base_model="gemini-2.0-flash-001",
        training_dataset={"gcs_uri": "gs://bucket/train.jsonl"},
        config={"tuned_model_display_name": NASTY, "validation_dataset": {"gcs_uri": "gs://bucket/eval.jsonl"}},
    )
    seen["name"] = job.name
    page.goto(f"{URL}/")
    seen["address"] = page.url
    page.get_by_text(NASTY).wait_for()
    bar = page.locator("#jobs progress")
    seen["bars"] = [bar.get_attribute("value")]
    for minutes in (8, 1):
        control("POST", "/clock/advance", {"minutes": minutes})
        page.wait_for_function(
            "before => document.querySelector('#jobs progress').value > before", arg=float(seen["bars"][-1])
        )
        seen["bars"].append(page.locator("#jobs progress").get_attribute("value"))
    page.get_by_role("link", name=NASTY).click()
    dots = page.locator("#loss circle")
    dots.first.wait_for(state="attached")
    seen["dots"] = [dots.count()]
    seen["hover"] = dots.first.locator("title").text_content()
    seen["curves"] = page.locator("#loss polyline").count()
    page.get_by_role("button", name="+1 min").click()
    control("POST", "/clock/advance", {"minutes": 3})
    page.wait_for_function("before => document.querySelectorAll('#loss circle').length > before", arg=seen["dots"][0])
    seen["dots"].append(page.locator("#loss circle").count())
    page.get_by_role("link", name="log scale").click()
    seen["scale"] = page.get_by_role("link", name="linear scale").count()
    page.get_by_role("button", name="Fail").click()
    page.locator("#progress .state", has_text="FAILED").wait_for()
    seen["state"] = SDK.tunings.get(name=job.name).state.name


def script_answer(page: Page, seen: dict[str, Any]) -> None:
    """Script an answer in the form, and get it through the SDK; then a fault that is refused, and one that strikes."""
    page.get_by_role("link", name="Scenario").click()
    page.get_by_label("Answer", exact=True).fill("From the form")
    page.get_by_label("Prompt is").fill("Hello?")
    page.get_by_role("button", name="Add answer").click()
    page.locator("#answers code").wait_for()
    seen["text"] = SDK.models.generate_content(model="gemini-2.0-flash-001", contents="Hello?").text
    page.get_by_label("Method").fill("tunedModels.crate")
    page.get_by_label("Status").fill("503")
    page.get_by_role("button", name="Add fault").click()
    seen["refusal"] = page.get_by_role("alert").text_content()


def follow_log(context: BrowserContext, page: Page, seen: dict[str, Any]) -> None:
    """See calls as they come, and after a broken connection each of them once."""
    page.goto(f"{URL}/_mock/ui/traffic")
    before = page.locator("tbody tr").count()
    SDK.models.generate_content(model="gemini-2.0-flash-001", contents="one")
    page.wait_for_function("rows => document.querySelectorAll('tbody tr').length == rows", arg=before + 1)
    context.set_offline(True)
    for number in range(5):
        SDK.models.generate_content(model="gemini-2.0-flash-001", contents=f"offline {number}")
    context.set_offline(False)
    page.wait_for_function("rows => document.querySelectorAll('tbody tr').length >= rows", arg=before + 6)
    numbers = page.locator("tbody a").evaluate_all(
        "links => links.map(link => new URL(link.href).searchParams.get('number'))"
    )
    seen["numbers"] = [int(number) for number in numbers]


def copy_test(context: BrowserContext, page: Page, seen: dict[str, Any]) -> None:
    """Copy the scripted exchange as a test and as a curl command."""
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=URL)
    calls = control("GET", "/calls")["calls"]
    number = next(place for place, call in enumerate(calls, 1) if "From the form" in json.dumps(call["response"]))
    page.goto(f"{URL}/_mock/ui/call?number={number}")
    for name in ("pytest", "curl"):
        page.locator(f"[data-copy={name}]").click()
        page.locator(f"[data-copy={name}]", has_text="Copied").wait_for()
        seen[name] = page.evaluate("navigator.clipboard.readText()")


def try_model(page: Page, seen: dict[str, Any]) -> None:
    """Finish a second job on its page, and ask its model there."""
    job = SDK.tunings.tune(base_model="gemini-2.0-flash-001", training_dataset={"gcs_uri": "gs://bucket/train.jsonl"})
    page.goto(f"{URL}/_mock/ui/job?name={job.name}")
    page.get_by_role("button", name="To its end").click()
    page.locator("#progress .state", has_text="SUCCEEDED").wait_for()
    page.get_by_label("Prompt").fill("Hello?")
    page.get_by_role("button", name="Generate").click()
    page.locator("meter").first.wait_for()
    seen["tried"] = page.get_by_text("From the form").count()
    seen["ratings"] = page.locator("meter").count()
    seen["histograms"] = page.locator("svg rect").count()


def check_accessibility(browser: Browser, seen: dict[str, Any]) -> None:
    """Run axe-core on every page in both themes, and look for sideways scrolling at 400 pixels."""
    seen["violations"], seen["widths"] = [], []
    pages = (*PAGES, f"/ui/job?name={seen['name']}")
    for theme in ("light", "dark"):
        context = browser.new_context(color_scheme=theme, bypass_csp=True)
        page = context.new_page()
        for path in pages:
            page.goto(f"{URL}/_mock{path}")
            page.add_script_tag(path=AXE)
            for rule in page.evaluate("axe.run()")["violations"]:
                if rule["impact"] in {"serious", "critical"}:
                    seen["violations"].append([theme, path, rule["id"], rule["nodes"][0]["html"]])
            for width, height in ((1200, 900), (400, 800)):
                page.set_viewport_size({"width": width, "height": height})
                name = path.split("?")[0].rpartition("/")[2] or "jobs"
                page.screenshot(path=Path(SCREENSHOTS, f"{name}-{theme}-{width}.png"), full_page=True)
            seen["widths"].append(page.evaluate("document.documentElement.scrollWidth"))
            page.set_viewport_size({"width": 1200, "height": 900})
        context.close()


def without_script(browser: Browser, seen: dict[str, Any]) -> None:
    """Read the list with JavaScript off, and use a form."""
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{URL}/_mock/")
    seen["plain"] = page.locator("#jobs").inner_text()
    before = page.locator("#now").inner_text()
    page.get_by_role("button", name="+1 h").click()
    seen["moved"] = before != page.locator("#now").inner_text()


def main() -> None:
    """Do everything, and print what was seen."""
    seen: dict[str, Any] = {}
    problems: list[str] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context()
        page = context.new_page()
        page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None)
        page.on("request", lambda sent: problems.append(sent.url) if not sent.url.startswith((URL, "data:")) else None)
        watch_job(page, seen)
        script_answer(page, seen)
        follow_log(context, page, seen)
        copy_test(context, page, seen)
        try_model(page, seen)
        page.goto(f"{URL}/_mock/")
        page.keyboard.press("Tab")
        seen["focus"] = page.evaluate("document.activeElement.textContent")
        check_accessibility(browser, seen)
        without_script(browser, seen)
        browser.close()
    sys.stdout.write(json.dumps(seen | {"problems": problems}))


if __name__ == "__main__":
    main()
