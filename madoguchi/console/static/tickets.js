// The pages of requests: keys, what a form says after it was sent, and personal values that hide again.
"use strict";
import { onKey, tell } from "./console.js";

const find = document.getElementById("find");
const note = () => document.getElementById("note-text");

// Keys.
const rows = () => [...document.querySelectorAll("[data-row]")];
function step(by) {
  const all = rows();
  const at = all.indexOf(document.activeElement);
  all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)]?.focus();
}
if (find) {
  onKey("j", () => step(1));
  onKey("k", () => step(-1));
  onKey("/", () => find.focus());
} else {
  onKey("n", () => {
    note()?.scrollIntoView({ block: "center" });
    note()?.focus();
  });
  onKey("u", () => location.assign("/requests"));
  onKey("/", () => location.assign("/requests#find"));
}
const keys = document.getElementById("keys");
const opener = document.getElementById("keys-open");
opener.hidden = false;
const explain = () => keys.showModal();
opener.addEventListener("click", explain);
onKey("?", explain);
if (find && location.hash === "#find") find.focus();

// Filters that restrict nothing stay out of the address.
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, formData } = event.detail;
  if (elt.matches(".filters")) for (const [name, value] of [...formData]) if (!value) formData.delete(name);
});

// One move's form at a time. (Of details with one name, the old page's would close the new one's while htmx swaps them.)
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (target.matches(".move[open]")) document.querySelectorAll(".move[open]").forEach((other) => (other.open = other === target));
  },
  true,
);

// A form's answer is the page anew; what stands against it is a page too, and not a line as elsewhere.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  const target = requestConfig.target;
  if (target?.id !== "ticket" || ![409, 422].includes(xhr.status) || !xhr.responseText.includes('id="ticket"')) return;
  Object.assign(event.detail, { shouldSwap: true, isError: false, target, swapOverride: null });
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.requestConfig?.target?.id !== "ticket") return;
  const page = document.getElementById("ticket");
  tell(page.dataset.said);
  const shown = page.querySelector("[data-message]") ?? page.querySelector(".mail");
  shown?.scrollIntoView({ block: "nearest" });
  const next = shown?.closest("form")?.querySelector("button.main") ?? shown ?? document.getElementById("steps-title");
  // What was pressed is gone with the page before; whoever works by keys goes on from here.
  next.focus({ preventScroll: true });
});

// Personal values hide after a while, and as soon as nobody looks at the page.
const timers = new Map();
function hide(output, focus = false) {
  clearTimeout(timers.get(output));
  timers.delete(output);
  if (!output.childElementCount) return;
  output.replaceChildren();
  const form = output.parentElement.querySelector("form");
  form.hidden = false;
  if (focus) form.querySelector("button").focus();
}
function watch(output) {
  output.parentElement.querySelector("form").hidden = true;
  const button = output.querySelector("[data-hide]");
  button.hidden = false;
  button.addEventListener("click", () => hide(output, true));
  button.focus();
  const seconds = Number(document.getElementById("ticket").dataset.hides);
  timers.set(output, setTimeout(() => hide(output, output.contains(document.activeElement)), seconds * 1000));
}
const hideAll = () => document.querySelectorAll("output").forEach((output) => hide(output));
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.matches("output")) watch(event.detail.target);
});
addEventListener("blur", hideAll);
addEventListener("pagehide", hideAll);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hideAll();
});
