// Mends what Flower's own pages lack for whoever does not see them, or has no mouse: also after its tables have drawn themselves.
const MENDED = [
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

document.addEventListener("DOMContentLoaded", () => {
  mend();
  new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
});
