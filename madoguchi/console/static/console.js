// What every page of the console shares. Keys never act while Japanese is being composed or a field has the focus.
"use strict";
const composing = (event) => event.isComposing || event.keyCode === 229;
const inField = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

/** Whether letters and signs are keys here: who dictates, or brushes against keys, turns them off (WCAG 2.1.4). */
const lettersAreOn = () => localStorage.getItem("madoguchi-keys") !== "0";

/** Calls `act` when a key is pressed outside of fields and without modifiers. */
export function onKey(key, act) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== key || !lettersAreOn() || composing(event) || event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) return;
    event.preventDefault();
    act(event);
  });
}

/** Says something to whoever looks at, or listens to, the page. */
export function tell(text) {
  document.getElementById("notice").textContent = text;
}

export { composing, inField, lettersAreOn };

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-keys]")) localStorage.setItem("madoguchi-keys", target.checked ? "1" : "0");
});
const showSwitches = () => document.querySelectorAll("[data-keys]").forEach((each) => { each.checked = lettersAreOn(); });
document.addEventListener("htmx:load", showSwitches);
showSwitches();

// A refusal is shown in the notice line, and what was asked for stays as it was.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status < 400) return;
  event.detail.shouldSwap = true;
  event.detail.target = document.getElementById("notice");
  event.detail.swapOverride = "innerHTML";
});
