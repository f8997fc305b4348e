// Nothing here is needed: each page works without it.
"use strict";
document.documentElement.classList.add("scripted");

// Times in the zone of the reader; UTC stays for the pointer. The cookie lets the server write the zone next time.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `secretsource-zone=${encodeURIComponent(zone)};path=/;max-age=31536000;samesite=lax`;
const locale = document.documentElement.dataset.locale;
for (const time of document.querySelectorAll("time[data-exact]")) {
  const then = new Date(time.dateTime);
  const day = then.toLocaleDateString(locale, { day: "numeric", month: "short", year: "numeric" });
  const minute = then.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  time.textContent = `${day}, ${minute}${zone === "UTC" ? " UTC" : ""}`;
}

function select(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  node.focus();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const node = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(node.textContent);
    button.textContent = button.dataset.done;
  } catch {
    // No clipboard without https, or the browser refuses: the reader presses the keys.
    select(node);
    button.textContent = button.dataset.select;
  }
});

// A second press, while the answer is on its way, would throw away the only page that shows a new key.
const sent = new WeakMap();
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.timeStamp < sent.get(event.target)) event.preventDefault();
  else sent.set(event.target, event.timeStamp + 10_000);
});

// Rows are filtered while you type; the form asks the server for all pages.
for (const field of document.querySelectorAll("input[type=search][data-filter]")) {
  const rows = document.querySelectorAll(`#${field.dataset.filter} tbody tr`);
  field.addEventListener("input", () => {
    const wanted = field.value.toLocaleLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
  });
}
