// Mends what Flower's own pages lack for whoever does not see them, or has no mouse: also after its tables have drawn themselves.
const chosen = document.querySelector(".account-zone")?.textContent ?? "UTC";

// The time now in the chosen zone, or in UTC if this browser does not know that zone.
function clock() {
  const format = (zone) => `${new Date().toLocaleTimeString("en-GB", { timeZone: zone })} ${zone}`;
  try {
    return format(chosen);
  } catch {
    return format("UTC");
  }
}

// Workers says when it was last updated by the browser's own clock, without its zone.
function sayZone(status) {
  if (/^Updated (?!.*(UTC|\/))/.test(status.textContent)) status.textContent = `Updated ${clock()}`;
}

// Flower's own list of zones is older than the machine's. It would show times of a zone that it lacks by the browser's clock.
function knowZone(shown) {
  const [, kind, name] = shown.value.match(/^(natural-time|time)-(.*)$/);
  if (moment.tz.zone(name)) return;
  shown.value = `${kind}-UTC`;
  for (const each of document.querySelectorAll("#tasks-table th")) each.textContent = each.textContent.replace(`(${name})`, "(UTC)");
}

const MENDED = [
  ["#workers-refresh-status", sayZone],
  ["[aria-role]", (each) => each.removeAttribute("aria-role")],
  [".dataTables_scrollBody", (each) => each.setAttribute("tabindex", "0")],
  ["tfoot th", (each) => each.setAttribute("role", "cell")],
];

function mend() {
  for (const [selector, act] of MENDED) document.querySelectorAll(selector).forEach(act);
  const title = document.querySelector("p.page-eyebrow");
  if (title && !document.querySelector("h1, [aria-level='1']")) {
    title.setAttribute("role", "heading");
    title.setAttribute("aria-level", "1");
  }
}

// Deferred scripts run before Flower draws its tables.
document.querySelectorAll("#time").forEach(knowZone);

document.addEventListener("DOMContentLoaded", () => {
  mend();
  new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
});
