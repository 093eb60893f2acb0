// Refreshes the counts of a page every few seconds, while it is looked at.
const EVERY_MS = 3000;
const counts = document.querySelector("[data-counts]");

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(counts.dataset.counts).catch(() => null);
  if (!answer || !answer.ok) return;
  for (const [name, count] of Object.entries(await answer.json())) {
    const cell = counts.querySelector(`[data-count="${name}"]`);
    if (cell) cell.textContent = count.toLocaleString("en");
  }
}

if (counts) setInterval(refresh, EVERY_MS);
