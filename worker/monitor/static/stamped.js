// Keeps a page fresh while somebody looks at it, and refuses a large file before it is sent. Every page works without this
// script, too: load it again.
const EVERY_MS = 2000;

// An address of ours without a login in front, which `fetch` would refuse: the page may have been opened with one.
const ours = (path) => new URL(path, location.origin);

// Activity: the counts. If Flower does not answer, the page says that they are not updated.
async function refreshCounts(counts, status) {
  const answer = await fetch(ours(counts.dataset.counts)).catch(() => null);
  const isLive = Boolean(answer && answer.ok);
  for (const [name, count] of Object.entries(isLive ? await answer.json() : {})) {
    const cell = counts.querySelector(`[data-count="${name}"]`);
    if (cell) cell.textContent = count.toLocaleString("en");
  }
  status.hidden = false;
  status.querySelector(".status-dot").className = `status-dot status-dot-${isLive ? "live" : "error"}`;
  status.querySelector("[data-live-words]").textContent = isLive ? "Counts are live" : "Counts are not updated: Flower does not answer";
}

// A page with the progress of a job or a Manual Sync, until it has ended: what is new replaces what is shown. What somebody
// has opened, closed or focused stays so, and nothing changes while a text is selected.
async function refreshPage(page) {
  const answer = await fetch(ours(location.pathname + location.search)).catch(() => null);
  if (!answer || !answer.ok || !getSelection().isCollapsed) return;
  const read = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = read.querySelector("[data-page]");
  if (!fresh) return;
  document.title = read.title;
  for (const each of page.querySelectorAll("details")) {
    const same = fresh.querySelector(`[id="${each.id}"]`);
    if (same) same.open = each.open;
  }
  const focused = document.activeElement && document.activeElement.dataset.focus;
  page.toggleAttribute("data-live", fresh.hasAttribute("data-live"));
  page.replaceChildren(...fresh.childNodes);
  if (focused) page.querySelector(`[data-focus="${focused}"]`)?.focus({ preventScroll: true });
}

// A list whose filter more fits since it was shown says so; it does not change under the reader's eyes.
async function announceNews(news) {
  const answer = await fetch(ours(news.dataset.news)).catch(() => null);
  if (!answer || !answer.ok) return;
  const { count, most } = await answer.json();
  news.hidden = count === 0;
  const what = count === 1 ? "1 new row" : `${count}${count >= most ? " or more" : ""} new rows`;
  news.querySelector("[data-news-words]").textContent = `Show ${what}`;
}

function every(work) {
  const again = () => setTimeout(async () => {
    if (!document.hidden) await work();
    again();
  }, EVERY_MS);
  again();
}

// A file that the page would not take is refused before it is sent.
function refuseLarge(field) {
  const isLarge = [...field.files].some((file) => file.size > Number(field.dataset.largest));
  field.setCustomValidity(isLarge ? "This file is larger than the page takes. Split it, or use stamped-sync sync --file." : "");
  field.reportValidity();
}

for (const field of document.querySelectorAll("[data-largest]")) {
  field.addEventListener("change", () => refuseLarge(field));
}

// One tick for all that the page shows.
for (const all of document.querySelectorAll("[data-tick-all]")) {
  all.addEventListener("change", () => {
    for (const each of all.form.querySelectorAll('[name="job"]')) each.checked = all.checked;
  });
}

// The address names a place further down: go there at once, because a smooth scroll stops short while the page still loads.
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView({ behavior: "instant" });

const counts = document.querySelector("[data-counts]");
if (counts) every(() => refreshCounts(counts, document.querySelector("[data-live-status]")));

const news = document.querySelector("[data-news]");
if (news) every(() => announceNews(news));

const page = document.querySelector("[data-page]");
if (page) every(() => page.hasAttribute("data-live") && refreshPage(page));
