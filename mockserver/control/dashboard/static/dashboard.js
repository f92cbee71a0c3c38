// Keeps the parts of a page that are marked data-live up to date, follows the log, and copies texts.
// Without JavaScript the same pages are shown as they were when they were asked for.
"use strict";

const live = () => [...document.querySelectorAll("[data-live]")];

async function refresh() {
  if (document.hidden || !live().length) return;
  let page;
  try {
    page = await fetch(location.href, { headers: { accept: "text/html" } });
  } catch {
    return; // the server is gone for now: the next round asks again
  }
  if (!page.ok) return;
  const fresh = new DOMParser().parseFromString(await page.text(), "text/html");
  for (const part of live()) {
    const next = fresh.getElementById(part.id);
    // What has the keyboard's focus or a selection stays as it is, until it is left.
    if (next && next.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) part.innerHTML = next.innerHTML;
  }
}

function follow(log) {
  const events = new EventSource(log.dataset.events);
  let last = Number(log.dataset.last);
  events.onmessage = (event) => {
    const number = Number(event.lastEventId);
    if (number <= last) return;
    last = number;
    const row = document.createElement("template");
    row.innerHTML = event.data;
    log.prepend(row.content);
    while (log.children.length > 200) log.lastElementChild.remove();
    document.getElementById("no-calls")?.remove();
  };
  addEventListener("pagehide", () => events.close());
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});

for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
const log = document.querySelector("[data-events]");
if (log) follow(log);
if (live().length) setInterval(refresh, 1000);
